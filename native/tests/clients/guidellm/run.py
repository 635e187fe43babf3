"""A run of the real GuideLLM against `llamaglass serve`, whose address is the argument."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REQUESTS = 6
# A refused request is sent again and again: a run that takes this long has failed.
TIMEOUT_S = 120

folder = Path(__file__).parent
# The served model has a name that no hub knows, and no tokenizer is needed.
environment = {**os.environ, "HF_HUB_OFFLINE": "1"}

for path in ("/v1/chat/completions", "/v1/completions"):
    for profile in ("kind=synchronous", "kind=concurrent,streams=2"):
        with tempfile.TemporaryDirectory() as out:
            report = Path(out) / "report.json"
            subprocess.run(
                [
                    sys.executable, "-m", "guidellm", "run", "--disable-console",
                    "--backend", f"kind=openai_http,target={sys.argv[1]},request_format={path}",
                    "--profile", profile,
                    "--constraint", f"kind=max_requests,count={REQUESTS}",
                    "--data", f"kind=json_file,path={folder / 'prompts.jsonl'}",
                    "--output", f"kind=json,path={report}",
                ],
                check=True, env=environment, timeout=TIMEOUT_S,
            )
            [benchmark] = json.loads(report.read_text())["benchmarks"]
        totals = benchmark["metrics"]["request_totals"]
        assert totals["successful"] == totals["total"] == REQUESTS, totals
        for request in benchmark["requests"]["successful"]:
            assert request["output_tokens"] == 8, request
            assert request["time_to_first_token_ms"] > 0, request
        print(f"guidellm {path} {profile}: {totals['successful']} of {totals['total']}")
