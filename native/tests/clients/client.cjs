// What OpenAI's JavaScript client gets from `llamaglass serve`, whose address is the argument.

const assert = require("node:assert");
const { OpenAI, BadRequestError, NotFoundError } = require("openai");

async function main() {
  const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "none", maxRetries: 0 });
  const messages = [{ role: "user", content: "What does the licence say?" }];
  const asked = { model: "tiny", messages, max_tokens: 12, temperature: 0, seed: 1 };

  const models = await client.models.list();
  assert.deepEqual(models.data.map((model) => model.id), ["tiny"]);
  const whole = await client.chat.completions.create({ ...asked, logprobs: true, top_logprobs: 2 });
  const [choice] = whole.choices;
  assert.equal(choice.message.role, "assistant");
  assert.equal(choice.logprobs.content.length, whole.usage.completion_tokens);

  const stream = await client.chat.completions.create({
    ...asked, stream: true, stream_options: { include_usage: true },
  });
  let text = "";
  let usage = null;
  for await (const piece of stream) {
    text += piece.choices[0]?.delta?.content ?? "";
    usage = piece.usage ?? usage;
  }
  assert.equal(text, choice.message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);

  // Left in the middle: the server ends the request.
  const left = await client.completions.create({ model: "tiny", prompt: "One", max_tokens: 300, stream: true });
  for await (const piece of left) {
    assert.equal(piece.object, "text_completion");
    break;
  }
  await assert.rejects(client.chat.completions.create({ ...asked, n: 99 }), BadRequestError);
  await assert.rejects(client.chat.completions.create({ ...asked, model: "other" }), NotFoundError);
  console.log("openai (JavaScript): ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
