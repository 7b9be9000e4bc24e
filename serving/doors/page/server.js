// Talk to the server of this page.

/** An error that the server explains in a sentence. */
export class ServerError extends Error {}

async function check(reply) {
  if (reply.ok) return reply;
  const body = await reply.json().catch(() => ({}));
  throw new ServerError(body.message ?? `The server answered with HTTP ${reply.status}.`);
}

function post(path, values, signal) {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(values), signal });
}

/** Return the version's description: stages, example, questions, target. */
export async function describe() {
  return (await check(await fetch("api/description"))).json();
}

/** Record whether an answer is good in its trace. */
export async function noteFeedback(traceId, good, reason) {
  await check(await post("api/feedback", { trace_id: traceId, good, reason }));
}

/** Yield the events of a request, as they come. Aborting the signal ends the work for the request. */
export async function* stream(request, signal) {
  const reply = await check(await post("api/stream", request, signal));
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      if (data.length) yield JSON.parse(data.join("\n"));
    }
  }
}
