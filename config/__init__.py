"""What a site is: models, loader, device profiles, tariffs."""
