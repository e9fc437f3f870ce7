"""data-juicer's analyzer in a virtual environment of its own.

Installed plainly, data-juicer does not start (it lacks ``aiohttp``), and at its first run it installs ray and a CUDA
build of torch by itself, gigabytes of them. The analyzer asks ray for a decorator, and torch only to empty the cache of
a GPU after each step. So ray is installed beforehand, and this file, run by that environment's Python, forbids further
installing and makes that one call of torch do nothing. That favours data-juicer: it does not pay for torch's import.
"""

from __future__ import annotations

import json
import subprocess
import venv
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "1.6.1"
PACKAGES = (f"py-data-juicer=={VERSION}", "aiohttp", "ray", "matplotlib", "seaborn", "wordcloud")
# The analyzer's cheap text measures; what ultraqa computes in its pass contains them or stands close to them.
STEPS = (
    "text_length_filter",
    "words_num_filter",
    "word_repetition_filter",
    "character_repetition_filter",
    "alphanumeric_filter",
    "average_line_length_filter",
    "special_characters_filter",
)


def install(home: Path) -> Path:
    """Make the environment if it is not there; returns its Python."""
    python = home / "bin" / "python"
    done = home / "installed"
    if not done.exists():
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-I", "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        done.touch()
    return python


def convert(path: Path, target: Path) -> None:
    """Write each dialogue as the one text that data-juicer wants; the conversion is not measured."""
    with path.open() as source, target.open("w") as out:
        for line in source:
            record = json.loads(line)
            texts = record.get("data") or [record["instruction"], record["input"], record["output"]]
            out.write(json.dumps({"text": "\n".join(texts)}, ensure_ascii=False) + "\n")


def command(python: Path, texts: Path, work: Path) -> list[str]:
    """The command that analyses the texts; its files, logs and caches go to ``work``."""
    config = work / "analyse.yaml"
    steps = "".join(f"  - {step}:\n" for step in STEPS)
    config.write_text(
        f"project_name: benchmark\ndataset_path: {texts}\nexport_path: {work / 'out' / 'result.jsonl'}\n"
        f"np: 1\nuse_cache: false\nprocess:\n{steps}"
    )
    return [str(python), "-I", __file__, "--config", str(config)]


def analyse() -> None:
    """The analyzer's own command line, without its installer."""

    def refuse(_: type, package: str, *__: object) -> None:
        raise ImportError(f"{package} would have been installed")

    loader = import_module("data_juicer.utils.lazy_loader").LazyLoader
    loader._install_package = classmethod(refuse)
    steps: Any = import_module("data_juicer.ops.base_op")
    steps.free_models = lambda *_, **__: None
    import_module("data_juicer.tools.analyze_data").main()


if __name__ == "__main__":
    analyse()
