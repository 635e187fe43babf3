"""What OpenAI's Python client gets from `llamaglass serve`, whose address is the argument."""

import sys

from openai import BadRequestError, NotFoundError, OpenAI

client = OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="none")
messages = [{"role": "user", "content": "What does the licence say?"}]
asked = {"model": "tiny", "messages": messages, "max_tokens": 12, "temperature": 0, "seed": 1}

assert [model.id for model in client.models.list()] == ["tiny"]
whole = client.chat.completions.create(**asked, logprobs=True, top_logprobs=2)
choice = whole.choices[0]
assert choice.message.role == "assistant", whole
assert choice.finish_reason in ("stop", "length"), whole
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
assert len(choice.logprobs.content) == whole.usage.completion_tokens
assert len(choice.logprobs.content[0].top_logprobs) == 2

pieces = list(
    client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
)
text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
assert text == choice.message.content, (text, whole)
assert pieces[-1].usage.completion_tokens == whole.usage.completion_tokens

several = client.completions.create(model="tiny", prompt=["One", "Two"], n=2, max_tokens=4, seed=7)
assert [choice.index for choice in several.choices] == [0, 1, 2, 3]
assert several.usage.completion_tokens <= 16
again = client.completions.create(
    model="tiny", prompt="One", max_tokens=4, seed=7, stop=["\n"], extra_body={"top_k": 5}
)
assert isinstance(again.choices[0].text, str)

for error, more in [(BadRequestError, {"n": 99}), (NotFoundError, {"model": "other"})]:
    try:
        client.chat.completions.create(**{**asked, **more})
    except error as refused:
        assert refused.body["message"], refused
    else:
        raise AssertionError(f"{more} was not refused")
print("openai (Python): ok")
