// A client that knows nothing of this toolkit: @grpc/grpc-js, and the generated .proto files.
//
//     node client.js PORT INCLUDE_ROOT...
//
// It prints what came as JSON.
"use strict";

const fs = require("fs");
const path = require("path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");

const [port, ...includeDirs] = process.argv.slice(2);

function services() {
  const files = ["federation/v1/wire/federation.proto", "conformance/v1/wire/conformance.proto"];
  const options = { includeDirs, keepCase: true, longs: Number, enums: String, defaults: true };
  return grpc.loadPackageDefinition(loader.loadSync(files, options));
}

// What the details of errors are made of: google.rpc's messages, and those of the schema.
function messages() {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) =>
    includeDirs.map((each) => path.join(each, target)).find((each) => fs.existsSync(each)) || target;
  return root.loadSync([
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
    "conformance/v1/wire/conformance.proto",
  ]);
}

// A failed call as any client sees it: its code, its text, and what its details say.
function failure(error) {
  const root = messages();
  const told = { code: grpc.status[error.code], text: error.details, details: [] };
  const [data] = error.metadata.get("grpc-status-details-bin");
  const status = root.lookupType("google.rpc.Status").decode(data);
  told.status = [status.code, status.message];
  for (const detail of status.details) {
    const name = detail.type_url.split("/").pop();
    const type = root.lookupType(name);
    const options = { enums: String, longs: Number, defaults: true };
    told.details.push([name, type.toObject(type.decode(detail.value), options)]);
  }
  return told;
}

const deadline = () => ({ deadline: Date.now() + 10000 });

function metadata(values) {
  const made = new grpc.Metadata();
  for (const [key, value] of Object.entries(values)) made.set(key, value);
  return made;
}

function unary(client, method, request, headers = {}) {
  return new Promise((resolve, reject) =>
    client[method](request, metadata(headers), deadline(), (error, reply) => (error ? reject(error) : resolve(reply)))
  );
}

function clientStream(client, method, requests) {
  return new Promise((resolve, reject) => {
    const call = client[method](metadata({}), deadline(), (error, reply) => (error ? reject(error) : resolve(reply)));
    requests.forEach((each) => call.write(each));
    call.end();
  });
}

async function collected(call) {
  const items = [];
  for await (const item of call) items.push(item);
  return items;
}

// Each question waits for the answer to the one before it.
function conversation(call, head, numbers) {
  return new Promise((resolve, reject) => {
    const answers = [];
    const ask = () => (answers.length < numbers.length ? call.write({ numbers: numbers[answers.length] }) : call.end());
    call.on("data", (item) => (answers.push(item.value), ask()));
    call.on("error", reject);
    call.on("end", () => resolve(answers));
    call.write(head);
    ask();
  });
}

async function failed(promise) {
  try {
    await promise;
  } catch (error) {
    return failure(error);
  }
  throw new Error("the call did not fail");
}

async function main() {
  const { federation, conformance } = services();
  const address = `127.0.0.1:${port}`;
  const learner = new federation.v1.Learner(address, grpc.credentials.createInsecure());
  const painter = new conformance.v1.Painter(address, grpc.credentials.createInsecure());

  const tensor = { dtype: "<f4", shape: [2], data: Buffer.from(new Float32Array([0.5, -2]).buffer) };
  const fit = { weights: { entries: [{ name: "w", tensor }] }, config: { epochs: 3 } };
  const fitted = await unary(learner, "Fit", fit, { "oiafed-route": "role=trainer" });
  const back = fitted.weights.entries[0];

  const results = {
    describe: await unary(learner, "Describe", {}),
    fit: [back.name, back.tensor.dtype, back.tensor.shape, back.tensor.data.equals(tensor.data), fitted.samples],
    watch: await collected(learner.Watch({ every: 0.25 }, deadline())),
    sum: await clientStream(painter, "Sum", [{ start: 100 }, { numbers: 1 }, { numbers: 2 }]),
    average: await clientStream(painter, "Average", [{ numbers: 1 }, { numbers: 2 }]),
    running_sum: await conversation(painter.RunningSum(metadata({}), deadline()), { start: 10 }, [1, 2, 3]),
    refused: await failed(unary(learner, "Fit", fit)),
    out_of_ink: await failed(unary(painter, "Draw", { color: "COLOR_BLUE" })),
    off_the_edge: await failed(collected(painter.Walk({ steps: 1 }, deadline()))),
  };
  console.log(JSON.stringify(results));
  learner.close();
  painter.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
