"""What frameworks get from `llamaglass serve`, whose address is the argument."""

import os
import sys

# LiteLLM would download a list of prices first.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import instructor
import litellm
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai import OpenAI
from pydantic import BaseModel, ConfigDict, Field

base = f"{sys.argv[1]}/v1"
messages = [{"role": "user", "content": "What does the licence say?"}]


def with_litellm():
    asked = {
        "model": "openai/tiny", "api_base": base, "api_key": "none", "messages": messages,
        "max_tokens": 12, "temperature": 0, "user": "me", "tool_choice": "none",
        "parallel_tool_calls": False, "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    whole = litellm.completion(**asked)
    text = whole.choices[0].message.content
    assert whole.usage.completion_tokens <= 12, whole
    pieces = litellm.completion(**asked, stream=True, stream_options={"include_usage": True})
    joined = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert joined == text, (joined, text)
    prompt = {key: asked[key] for key in ("model", "api_base", "api_key", "max_tokens", "temperature")}
    prompt["model"] = "text-completion-openai/tiny"
    answer = litellm.text_completion(**prompt, prompt="One", best_of=1, echo=False, logit_bias={})
    assert isinstance(answer.choices[0].text, str), answer


def with_langchain():
    model = ChatOpenAI(
        model="tiny", base_url=base, api_key="none", max_tokens=12, temperature=0, seed=1,
        service_tier="auto", reasoning_effort="low", store=False, stream_usage=True,
    )
    turns = [
        SystemMessage("Be brief."), HumanMessage("Hello"), AIMessage("Hi."), HumanMessage("Who?"),
    ]
    whole = model.invoke(turns)
    assert whole.usage_metadata["output_tokens"] <= 12, whole
    pieces = list(model.stream(turns))
    assert "".join(piece.content for piece in pieces) == whole.content
    assert any(piece.usage_metadata for piece in pieces)
    assert len(model.batch(["One", "Two"])) == 2


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


class Licence(BaseModel):
    name: str = Field(max_length=12)
    is_free: bool


def with_instructor():
    client = OpenAI(base_url=base, api_key="none", max_retries=0)
    asked = {"model": "tiny", "messages": messages, "max_retries": 0}
    # The weights are as good as random: an object in JSON mode may have any fields, and need not end.
    model = instructor.from_openai(client, mode=instructor.Mode.JSON)
    for seed in range(50):
        try:
            answer = model.chat.completions.create(
                **asked, response_model=Anything, max_tokens=60, temperature=1.0, seed=seed
            )
            break
        except instructor.core.IncompleteOutputException:
            continue
    else:
        raise AssertionError("no object ended")
    assert isinstance(answer, Anything)
    model = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)
    answer = model.chat.completions.create(
        **asked, response_model=Licence, max_tokens=200, temperature=0
    )
    assert len(answer.name) <= 12 and answer.is_free in (True, False)


for name, run in [
    ("litellm", with_litellm), ("langchain", with_langchain), ("instructor", with_instructor),
]:
    run()
    print(f"{name}: ok")
