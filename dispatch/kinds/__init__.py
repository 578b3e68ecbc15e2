"""What each kind of asset is in dispatch: its equation, and the form that it takes."""
