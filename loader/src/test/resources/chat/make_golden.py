"""Renders the templates of this directory with Hugging Face's transformers, for ChatTemplateTest.

chatml, llama2, llama3, mistral-v1, zephyr: as model cards give them. smollm2, smollm3, qwen2.5, qwen3, mistral-nemo,
granite3.3: of the models of these names (Apache-2.0). deepseek-r1-distill, phi3.5: likewise (MIT). llama3-date and
constructs: made for the test.

    pip install transformers jinja2
    python make_golden.py
"""
import datetime
import json
import pathlib

from transformers.utils import chat_template_utils as utils

HERE = pathlib.Path(__file__).parent


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2025, 3, 7, 9, 5, 3)


def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


CONVERSATIONS = [
    turns(("user", "Hello")),
    turns(("system", "You are terse."), ("user", "  Hi \n there\u00a0\u3000 ")),
    turns(("system", "Sys {{ x }} {% if %}"), ("user", "a 'quoted' \"text\" \\n {# c #}"),
          ("assistant", "<think>\nhm\n</think>\n\nAnswer "), ("user", "日本語 😀 é<|im_end|>")),
    turns(("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "<think>deep</think>4")),
    turns(("user", ""), ("assistant", "false"), ("user", "")),
    turns(("system", ""), ("user", "x"), ("assistant", "\n y \n"), ("user", "z")),
    turns(("system", "only")),
    turns(("assistant", "first")),
]

if __name__ == "__main__":
    utils.datetime = Clock
    cases = []
    for template in sorted(HERE.glob("*.jinja")):
        for conversation in CONVERSATIONS:
            for prompt in (False, True):
                case = {"template": template.stem, "messages": conversation, "prompt": prompt}
                try:
                    case["text"] = utils.render_jinja_template(
                        [conversation], chat_template=template.read_text(), add_generation_prompt=prompt,
                        bos_token="<s>", eos_token="</s>")[0][0]
                except Exception as error:
                    case["error"] = str(error)
                cases.append(case)
    (HERE / "golden.json").write_text(json.dumps(cases, indent=0, ensure_ascii=True) + "\n")
