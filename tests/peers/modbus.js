// Modbus on modbus-serial and jsmodbus, which are not ours.
//
// What to be comes as JSON in the first argument: a server of either library on TCP, one of modbus-serial on a serial
// line, or a client of modbus-serial. A server says the port it listens on; its holding registers 0 to 99 hold three
// times their address, its input registers one more. A client reads what lines of JSON on standard input ask for.
"use strict";

const net = require("node:net");
const readline = require("node:readline");

const spec = JSON.parse(process.argv[2]);
const COUNT = 100;

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const holding = Array.from({ length: COUNT }, (_, address) => 3 * address);

function vector() {
  const known = (address) => {
    if (address >= COUNT) throw Object.assign(new Error("no such register"), { modbusErrorCode: 2 });
    return address;
  };
  return {
    getHoldingRegister: (address) => holding[known(address)],
    getInputRegister: (address) => 3 * known(address) + 1,
    setRegister: (address, value) => {
      holding[known(address)] = value;
    },
  };
}

const begin = {
  "modbus-serial": () => {
    const { ServerTCP } = require("modbus-serial");
    const server = new ServerTCP(vector(), { host: "127.0.0.1", port: spec.port, unitID: spec.unit });
    server.on("initialized", () => say({ port: spec.port }));
    server.on("socketError", () => {});
  },
  "modbus-serial-rtu": () => {
    const { ServerSerial } = require("modbus-serial");
    const server = new ServerSerial(vector(), { path: spec.path, baudRate: 115200, unitID: spec.unit, interval: 2 });
    server.on("initialized", () => say({ path: spec.path }));
    server.on("error", () => {});
  },
  jsmodbus: () => {
    const { server: servers } = require("jsmodbus");
    const listener = new net.Server();
    const bytes = (first) => {
      const buffer = Buffer.alloc(2 * COUNT);
      for (let address = 0; address < COUNT; address += 1) buffer.writeUInt16BE(3 * address + first, 2 * address);
      return buffer;
    };
    new servers.TCP(listener, { holding: bytes(0), input: bytes(1) });
    listener.listen(spec.port, "127.0.0.1", () => say({ port: spec.port }));
  },
  client: async () => {
    const Client = require("modbus-serial");
    const client = new Client();
    await client.connectTCP("127.0.0.1", { port: spec.port });
    client.setTimeout(5000);
    say({ connected: true });
    for await (const line of readline.createInterface({ input: process.stdin })) {
      const { table, unit, address, count } = JSON.parse(line);
      client.setID(unit);
      const read = table === "input" ? client.readInputRegisters : client.readHoldingRegisters;
      await read.call(client, address, count).then(
        ({ data }) => say({ registers: data }),
        (error) => say({ exception: error.modbusCode ?? null, message: error.message }),
      );
    }
    client.close(() => {});
  },
};

begin[spec.as]();
