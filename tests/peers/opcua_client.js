// An OPC UA client on node-opcua, which is not ours.
//
// Whom it talks to comes as JSON in the first argument, what it should do as lines of JSON on standard input; each is
// answered with one line of JSON on standard output. The first line says that it is ready, with the namespaces.
"use strict";

const readline = require("node:readline");
const opcua = require("node-opcua");

const spec = JSON.parse(process.argv[2]);
const heard = new Map();

async function connect() {
  const manager = new opcua.OPCUACertificateManager({
    rootFolder: spec.folder,
    automaticallyAcceptUnknownCertificate: true,
  });
  await manager.initialize();
  const client = opcua.OPCUAClient.create({
    applicationName: "peer",
    clientCertificateManager: manager,
    securityMode: opcua.MessageSecurityMode[spec.mode],
    securityPolicy: opcua.SecurityPolicy[spec.policy],
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
  });
  await client.connect(spec.endpoint);
  return client;
}

function shown(dataValue) {
  return {
    value: dataValue.value.value,
    type: opcua.DataType[dataValue.value.dataType],
    status: dataValue.statusCode.name,
  };
}

const deeds = {
  async read(session, { node }) {
    return shown(await session.read({ nodeId: node, attributeId: opcua.AttributeIds.Value }));
  },
  // by browse paths from the root, each a list of [namespace, name]: the nodes there
  async find(session, { paths }) {
    const found = await session.translateBrowsePath(
      paths.map((path) => ({
        startingNode: opcua.resolveNodeId("RootFolder"),
        relativePath: {
          elements: path.map(([namespaceIndex, name]) => ({
            referenceTypeId: opcua.resolveNodeId("HierarchicalReferences"),
            isInverse: false,
            includeSubtypes: true,
            targetName: { namespaceIndex, name },
          })),
        },
      })),
    );
    return { nodes: found.map((each) => each.targets.map((target) => target.targetId.toString())) };
  },
  async readAll(session, { nodes }) {
    const items = nodes.map((nodeId) => ({ nodeId, attributeId: opcua.AttributeIds.Value }));
    return { values: (await session.read(items)).map(shown) };
  },
  async write(session, { node, type, value }) {
    const status = await session.write({
      nodeId: node,
      attributeId: opcua.AttributeIds.Value,
      value: { value: { dataType: type, value } },
    });
    return { status: status.name };
  },
  async subscribe(session, { nodes }) {
    const subscription = await session.createSubscription2({
      requestedPublishingInterval: 100,
      requestedMaxKeepAliveCount: 5,
      requestedLifetimeCount: 100,
      publishingEnabled: true,
    });
    for (const node of nodes) {
      const item = await subscription.monitor(
        { nodeId: node, attributeId: opcua.AttributeIds.Value },
        { samplingInterval: 100, queueSize: 1, discardOldest: true },
        opcua.TimestampsToReturn.Both,
      );
      item.on("changed", (dataValue) => heard.set(node, shown(dataValue)));
    }
    return {};
  },
  async heard(session, { node }) {
    return heard.get(node) ?? {};
  },
};

async function main() {
  const client = await connect();
  const { username: userName, password } = spec;
  const session = await client.createSession(
    userName === undefined ? undefined : { type: opcua.UserTokenType.UserName, userName, password },
  );
  const namespaces = await session.readNamespaceArray();
  console.log(JSON.stringify({ namespaces }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: deed, ...what } = JSON.parse(line);
    console.log(JSON.stringify(await deeds[deed](session, what)));
  }
  await session.close();
  await client.disconnect();
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
