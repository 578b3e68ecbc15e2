"""The few standard nodes that a small OPC UA server has, as an embedded device does.

asyncua fills in all of the standard's more than 6000 nodes, which takes over two seconds per server. Clients need
the folders, the server object and the base types.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from asyncua import ua
from asyncua.server.internal_server import InternalServer
from asyncua.ua.object_ids import ObjectIds

# child: parent, by subtype references
_REFERENCE_TYPES = {
    "References": None,
    "NonHierarchicalReferences": "References",
    "HierarchicalReferences": "References",
    "HasChild": "HierarchicalReferences",
    "Organizes": "HierarchicalReferences",
    "Aggregates": "HasChild",
    "HasSubtype": "HasChild",
    "HasProperty": "Aggregates",
    "HasComponent": "Aggregates",
    "HasTypeDefinition": "NonHierarchicalReferences",
}
_OBJECT_TYPES = {"BaseObjectType": None, "FolderType": "BaseObjectType", "ServerType": "BaseObjectType"}
_VARIABLE_TYPES = {
    "BaseVariableType": None,
    "BaseDataVariableType": "BaseVariableType",
    "PropertyType": "BaseVariableType",
}
_DATA_TYPES = {
    "BaseDataType": None,
    "Boolean": "BaseDataType",
    "String": "BaseDataType",
    "DateTime": "BaseDataType",
    "UtcTime": "DateTime",
    "Structure": "BaseDataType",
    "BuildInfo": "Structure",
    "ServerStatusDataType": "Structure",
    "Enumeration": "BaseDataType",
    "ServerState": "Enumeration",
    "Number": "BaseDataType",
    "Float": "Number",
    "Double": "Number",
    "Integer": "Number",
    "Int16": "Integer",
    "Int32": "Integer",
    "Int64": "Integer",
    "UInteger": "Number",
    "Byte": "UInteger",
    "UInt16": "UInteger",
    "UInt32": "UInteger",
    "UInt64": "UInteger",
}
_FOLDERS = {
    "RootFolder": ("Root", None),
    "ObjectsFolder": ("Objects", "RootFolder"),
    "TypesFolder": ("Types", "RootFolder"),
    "ViewsFolder": ("Views", "RootFolder"),
    "ObjectTypesFolder": ("ObjectTypes", "TypesFolder"),
    "VariableTypesFolder": ("VariableTypes", "TypesFolder"),
    "DataTypesFolder": ("DataTypes", "TypesFolder"),
    "ReferenceTypesFolder": ("ReferenceTypes", "TypesFolder"),
}
_OBJECTS = {
    "Server": "ObjectsFolder",
    "Server_ServerCapabilities": "Server",
    "Server_ServerCapabilities_OperationLimits": "Server_ServerCapabilities",
}
_STATUS = "Server_ServerStatus"
_LIMITS = "Server_ServerCapabilities_OperationLimits"
_BUILD = f"{_STATUS}_BuildInfo"
_PROPERTIES: dict[str, tuple[str, str, object]] = {
    "Server_ServerArray": ("Server", "String", []),
    "Server_NamespaceArray": ("Server", "String", []),
    "Server_ServiceLevel": ("Server", "Byte", 255),
    **{
        f"{_LIMITS}_{name}": (_LIMITS, "UInt32", 0)
        for name in ("MaxNodesPerRead", "MaxNodesPerWrite", "MaxNodesPerBrowse", "MaxMonitoredItemsPerCall")
    },
}
_VARIABLES: dict[str, tuple[str, str, object]] = {
    _STATUS: ("Server", "ServerStatusDataType", None),
    f"{_STATUS}_StartTime": (_STATUS, "UtcTime", datetime.min.replace(tzinfo=UTC)),
    f"{_STATUS}_CurrentTime": (_STATUS, "UtcTime", datetime.min.replace(tzinfo=UTC)),
    f"{_STATUS}_State": (_STATUS, "ServerState", 0),
    f"{_STATUS}_SecondsTillShutdown": (_STATUS, "UInt32", 0),
    _BUILD: (_STATUS, "BuildInfo", None),
    **{
        f"{_BUILD}_{name}": (_BUILD, "String", "")
        for name in ("ProductUri", "ManufacturerName", "ProductName", "SoftwareVersion", "BuildNumber")
    },
    f"{_BUILD}_BuildDate": (_BUILD, "UtcTime", datetime.min.replace(tzinfo=UTC)),
}
_VARIANTS = {
    "UtcTime": ua.VariantType.DateTime,
    "ServerState": ua.VariantType.Int32,
    "String": ua.VariantType.String,
    "Byte": ua.VariantType.Byte,
    "UInt32": ua.VariantType.UInt32,
}


def _id(name: str) -> ua.NodeId:
    return ua.NodeId(getattr(ObjectIds, name))


def _item(name: str, node_class: ua.NodeClass, attributes: object, shown: str = "", kind: str = "") -> ua.AddNodesItem:
    shown = shown or name.rpartition("_")[2]
    attributes.DisplayName = ua.LocalizedText(shown)  # type: ignore[attr-defined]
    item = ua.AddNodesItem()
    item.RequestedNewNodeId = _id(name)
    item.BrowseName = ua.QualifiedName(shown, 0)
    item.NodeClass = node_class
    item.NodeAttributes = attributes
    if kind:
        item.TypeDefinition = _id(kind)
    return item


def _variable(name: str, data_type: str, value: object, kind: str) -> ua.AddNodesItem:
    attributes = ua.VariableAttributes()
    attributes.DataType = _id(data_type)
    attributes.Value = ua.Variant(
        value, _VARIANTS.get(data_type, ua.VariantType.Null), is_array=isinstance(value, list)
    )
    attributes.ValueRank = ua.ValueRank.OneDimension if isinstance(value, list) else ua.ValueRank.Scalar
    return _item(name, ua.NodeClass.Variable, attributes, kind=kind)


def _nodes() -> Iterator[ua.AddNodesItem]:
    """Types first: a node is refused while its type is unknown."""
    for name in _REFERENCE_TYPES:
        yield _item(name, ua.NodeClass.ReferenceType, ua.ReferenceTypeAttributes())
    for name in _OBJECT_TYPES:
        yield _item(name, ua.NodeClass.ObjectType, ua.ObjectTypeAttributes())
    for name in _VARIABLE_TYPES:
        yield _item(name, ua.NodeClass.VariableType, ua.VariableTypeAttributes())
    for name in _DATA_TYPES:
        yield _item(name, ua.NodeClass.DataType, ua.DataTypeAttributes())
    for name, (shown, _) in _FOLDERS.items():
        yield _item(name, ua.NodeClass.Object, ua.ObjectAttributes(), shown, "FolderType")
    for name in _OBJECTS:
        kind = "ServerType" if name == "Server" else "BaseObjectType"
        yield _item(name, ua.NodeClass.Object, ua.ObjectAttributes(), kind=kind)
    for name, (_, data_type, value) in _PROPERTIES.items():
        yield _variable(name, data_type, value, "PropertyType")
    for name, (_, data_type, value) in _VARIABLES.items():
        yield _variable(name, data_type, value, "BaseDataVariableType")


def _links() -> Iterator[tuple[str, str, str]]:
    """Parent, kind of reference, child."""
    types = (
        (_REFERENCE_TYPES, "ReferenceTypesFolder"),
        (_OBJECT_TYPES, "ObjectTypesFolder"),
        (_VARIABLE_TYPES, "VariableTypesFolder"),
        (_DATA_TYPES, "DataTypesFolder"),
    )
    for family, folder in types:
        for child, parent in family.items():
            yield (folder, "Organizes", child) if parent is None else (parent, "HasSubtype", child)
    for child, (_, parent) in _FOLDERS.items():
        if parent is not None:
            yield parent, "Organizes", child
    for child, parent in _OBJECTS.items():
        yield parent, "Organizes" if child == "Server" else "HasComponent", child
    for child, (parent, _, _) in _PROPERTIES.items():
        yield parent, "HasProperty", child
    for child, (parent, _, _) in _VARIABLES.items():
        yield parent, "HasComponent", child


class SmallInternalServer(InternalServer):
    """asyncua's inner server with the small address space."""

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        classes = {}
        for item in _nodes():
            classes[item.RequestedNewNodeId] = item.NodeClass
            refused = list(self.node_mgt_service.try_add_nodes([item], check=False))
            assert not refused, item
        links = []
        for parent, kind, child in _links():
            for source, target, forward in ((parent, child, True), (child, parent, False)):
                link = ua.AddReferencesItem()
                link.SourceNodeId = _id(source)
                link.TargetNodeId = _id(target)
                link.ReferenceTypeId = _id(kind)
                link.TargetNodeClass = classes[_id(target)]
                link.IsForward = forward
                links.append(link)
        for status in self.node_mgt_service.add_references(links):
            status.check()

    async def stop(self) -> None:
        # the library keeps a session with subscriptions for a client that may come back, and its tasks with it
        for session in list(self._external_sessions.values()):
            await session.close_session(True)
        await super().stop()
