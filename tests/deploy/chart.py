"""The Helm chart rendered: deploy/kubernetes, and the golden files of its examples.

Run as a module, it writes them. With `--check` it lists those that are stale, exits with 1 if there are any, and lints the chart.
"""

import re
import subprocess
import sys
from pathlib import Path

from tests.deploy import go_tools
from tests.deploy.project import ROOT

CHART = ROOT / "deploy/helm/cxgauge"
EXAMPLES = ROOT / "deploy/helm/examples"
PLAIN = ROOT / "deploy/kubernetes"
GOLDEN = ROOT / "tests/deploy/golden"
KUBERNETES = "1.37"
PLAIN_FILES = {
    "topics.yaml": "topics",
    "worker.yaml": "worker",
    "exporter.yaml": "exporter",
    "intake.yaml": "intake",
    "network.yaml": "network",
    "monitoring/scrapes.yaml": "monitors",
    "monitoring/rules.yaml": "rules",
}
"""The files of deploy/kubernetes, and the template of each."""
COPIED = ("rules", "dashboards")
"""Templates that render files of deploy/prometheus and deploy/grafana. Tests compare their output with those."""
HEAD = "# Generated from deploy/helm by `make generate`. Do not edit: change it by kustomize, or use the chart.\n"
_SOURCE = re.compile(r"^# Source: cxgauge/templates/(\w+)\.yaml\n", re.MULTILINE)
_OF_HELM = re.compile(r"^ +(?:app\.kubernetes\.io/managed-by|helm\.sh/chart): .*\n", re.MULTILINE)


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Helm. Raises GoToolError if it cannot be had."""
    command = [go_tools.program("helm"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def render(*arguments: str | Path, kubernetes: str = KUBERNETES) -> dict[str, str]:
    """Return the documents of the release `cxgauge` by template, in Helm's order. Raises ValueError with Helm's message."""
    result = helm("template", "cxgauge", CHART, "--kube-version", kubernetes, *arguments)
    if result.returncode:
        raise ValueError(result.stderr)
    documents: dict[str, str] = {}
    _, *parts = _SOURCE.split("\n" + result.stdout)
    for template, text in zip(parts[::2], parts[1::2], strict=True):
        documents[template] = documents.get(template, "") + "---\n" + text.removesuffix("---\n")
    return documents


def examples() -> list[str]:
    """Return the names of the files with values."""
    return sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


def example(name: str, *arguments: str, kubernetes: str = KUBERNETES) -> dict[str, str]:
    """Return the documents of an example by template. The example `defaults` has no values."""
    values = () if name == "defaults" else ("--values", EXAMPLES / f"{name}.yaml")
    return render(*values, *arguments, kubernetes=kubernetes)


def generated_files() -> dict[Path, str]:
    """Return the text of every file that is rendered from the chart."""
    plain = example("kustomize")
    files = {
        PLAIN / name: HEAD + _OF_HELM.sub("", plain[template]).removeprefix("---\n")
        for name, template in PLAIN_FILES.items()
    }
    for name in ("defaults", *examples()):
        if name != "kustomize":
            documents = example(name)
            golden = (text for template, text in documents.items() if template not in COPIED)
            files[GOLDEN / f"{name}.yaml"] = "".join(golden)
    return files


def main(check: bool) -> int:
    """Write or check the files. Return the exit code."""
    try:
        files = generated_files()
    except go_tools.GoToolError as error:
        print(f"The Helm chart is not {'checked' if check else 'rendered'}: {error}")
        return 1 if go_tools.is_required() else 0
    stale = [
        path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    stale += [path for path in GOLDEN.glob("*") if path not in files]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'is stale, run make generate' if check else 'written'}")
    if check:
        lint = helm("lint", "--strict", "--quiet", "--kube-version", KUBERNETES, CHART)
        print(lint.stdout, end="")
        return 1 if stale or lint.returncode else 0
    for path in stale:
        if path in files:
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
