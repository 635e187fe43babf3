// Mock servers behind a replaced `fetch`. Their names end in `.test`, a domain that never exists.
if (!window.servers) {
  const real = window.fetch.bind(window);
  window.servers = { requests: [], aborted: 0, own: null };
  const clock = { source: "monotonic", resolution_ms: 0.001 };
  const step = (kind, start, wall) => ({
    kind, tokens: 1, position: 3, start_ms: start, wall_ms: wall, clock,
    spans: [["plan", wall / 4], ["gpu", wall / 2], ["detokenize", wall / 4]],
  });
  const delta = (content, more = {}) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more });
  const end = (reason, usage) => [
    { choices: [{ index: 0, delta: {}, finish_reason: reason }] },
    { choices: [], usage },
  ];
  const ours = [
    delta("", { started: { prompt_tokens: 12, reused_tokens: 5, timing: { spans: [["template", 1]], clock } } }),
    delta("", { prefill: { done_tokens: 9, prompt_tokens: 12, step: step("prefill", 0, 30) } }),
    delta("Paris", { timing: { id: 11, step: step("prefill", 30, 10) } }),
    delta(" it", { timing: { id: 12, step: step("decode", 40, 8) } }),
    delta(" is", { timing: { id: 13, step: step("decode", 48, 8) } }),
    ...end("stop", { prompt_tokens: 12, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 5 } }),
  ];
  const plain = [
    delta("Paris it"), delta(" is"), delta(", I say."),
    ...end("length", { prompt_tokens: 12, completion_tokens: 7 }),
  ];
  const endless = Array.from({ length: 2000 }, (_, i) => delta(` ${i}`));
  const stopped = () => new DOMException("The user aborted a request.", "AbortError");
  const stream = (chunks, signal) => {
    const encoder = new TextEncoder();
    let at = 0;
    const body = new ReadableStream({
      start(controller) {
        signal?.addEventListener("abort", () => {
          window.servers.aborted += 1;
          controller.error(stopped());
        });
      },
      async pull(controller) {
        await new Promise((done) => setTimeout(done, 5));
        const text = at < chunks.length ? JSON.stringify(chunks[at]) : "[DONE]";
        at += 1;
        controller.enqueue(encoder.encode(`data: ${text}\n\n`));
        if (text === "[DONE]") controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const json = (value, status = 200) =>
    new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });
  const list = (...data) => json({ object: "list", data });
  const tiny = { id: "tiny", owned_by: "llamaglass", max_model_len: 256 };
  const failed = () => Promise.reject(new TypeError("Failed to fetch"));
  window.fetch = (input, init = {}) => {
    const url = new URL(typeof input === "string" ? input : input.url, location.href);
    const own = url.origin === location.origin && url.pathname.startsWith("/v1/");
    if (!url.hostname.endsWith(".test") && !(own && window.servers.own)) return real(input, init);
    const asks = url.pathname.endsWith("/models");
    const body = init.body ? JSON.parse(init.body) : null;
    const key = new Headers(init.headers).get("Authorization");
    window.servers.requests.push({ url: url.href, body, key });
    switch (own ? window.servers.own : url.hostname) {
      case "ours.test":
        return Promise.resolve(asks ? list(tiny) : stream(ours, init.signal));
      case "other.test": {
        if (asks) return Promise.resolve(list({ id: "a" }, { id: "b" }));
        const last = body.messages.at(-1).content;
        if (last.includes("refuse")) return Promise.resolve(json({ error: { message: "too long" } }, 400));
        if (last.includes("break")) return Promise.resolve(stream([delta("Par"), { error: { message: "no memory" } }]));
        return Promise.resolve(stream(last.includes("long") ? endless : plain, init.signal));
      }
      case "key.test":
        return Promise.resolve(key === "Bearer secret" ? list(tiny) : json({ error: { message: "no" } }, 401));
      case "cors.test":
        return init.mode === "no-cors" ? Promise.resolve(new Response("")) : failed();
      case "slow.test":
        return new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(stopped())));
      case "empty.test":
        return Promise.resolve(list());
      case "text.test":
        return Promise.resolve(new Response("<html>"));
      default:
        return failed();
    }
  };
}
window.servers.requests = [];
window.servers.aborted = 0;
window.servers.own = null;
