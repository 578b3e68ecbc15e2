// An OPC UA server on node-opcua, which is not ours: a plant with a few variables.
//
// What it is comes as JSON in the first argument, what it should do as lines of JSON on standard input; each is
// answered with one line of JSON on standard output. The first line says that it is ready.
"use strict";

const readline = require("node:readline");
const opcua = require("node-opcua");

const spec = JSON.parse(process.argv[2]);
const variables = new Map();

const SPACE = "urn:plant";

async function certificateManager() {
  const manager = new opcua.OPCUACertificateManager({
    rootFolder: spec.folder,
    automaticallyAcceptUnknownCertificate: spec.trustsEverybody,
  });
  await manager.initialize();
  return manager;
}

async function build() {
  const server = new opcua.OPCUAServer({
    host: "127.0.0.1",
    hostname: "127.0.0.1",
    port: spec.port,
    resourcePath: "/plant",
    serverCertificateManager: await certificateManager(),
    serverInfo: { applicationUri: "urn:plant:server" },
    allowAnonymous: !spec.user,
    userManager: { isValidUser: (user, password) => user === spec.user && password === spec.password },
    defaultSecureTokenLifetime: spec.tokenLifetimeMs,
    disableDiscovery: true,
    serverCapabilities: { operationLimits: spec.limits, maxMonitoredItemsPerSubscription: spec.mostItems },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const own = space.registerNamespace(SPACE);
  const folder = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Pump" });
  for (const [name, [type, value]] of Object.entries(spec.variables)) {
    variables.set(
      name,
      own.addVariable({
        componentOf: folder,
        browseName: name,
        nodeId: `s=${name}`,
        dataType: type,
        minimumSamplingInterval: 0,
        value: { dataType: type, value },
      }),
    );
  }
  for (let number = 0; number < spec.many; number++) {
    own.addVariable({
      componentOf: folder,
      browseName: `Many${number}`,
      nodeId: `s=Many${number}`,
      dataType: "Double",
      minimumSamplingInterval: 0,
      value: { dataType: "Double", value: number },
    });
  }
  await server.start();
  return server;
}

function sessionsOf(server) {
  return Object.values(server.engine._sessions);
}

function subscriptionsOf(server) {
  return sessionsOf(server).flatMap((session) => session.publishEngine?.subscriptions ?? []);
}

const deeds = {
  set(server, { name, value, status }) {
    const variable = variables.get(name);
    const dataType = variable.readValue().value.dataType;
    variable.setValueFromSource({ dataType, value }, opcua.StatusCodes[status ?? "Good"]);
  },
  get(server, { name }) {
    const held = variables.get(name).readValue();
    return { value: held.value.value, type: opcua.DataType[held.value.dataType] };
  },
  // how often sessions were asked for values comes along
  subscriptions(server) {
    return {
      sessions: sessionsOf(server).length,
      subscriptions: subscriptionsOf(server).length,
      items: subscriptionsOf(server).reduce((sum, each) => sum + each.monitoredItemCount, 0),
      reads: sessionsOf(server).reduce((sum, each) => sum + (each._sessionDiagnostics?.readCount.totalCount ?? 0), 0),
    };
  },
  // as a server does that has run out of memory: the session stays
  drop(server) {
    for (const subscription of subscriptionsOf(server)) {
      subscription.terminate();
    }
  },
};

async function main() {
  const server = await build();
  console.log(JSON.stringify({ ready: true }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: deed, ...what } = JSON.parse(line);
    console.log(JSON.stringify(deeds[deed](server, what) ?? {}));
  }
  await server.shutdown(0);
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
