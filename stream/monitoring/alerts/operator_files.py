"""The alert rules as the Prometheus operator takes them."""

from textwrap import indent

from stream.monitoring.alerts import prometheus_files

PATH = "deploy/kubernetes/monitoring/rules.yaml"
HEAD = """\
# Written by `cxgauge generate`: what is in deploy/prometheus/rules.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: cxgauge
  labels:
    app.kubernetes.io/name: cxgauge
spec:
  groups:
"""


def documents() -> dict[str, bytes]:
    """The one file: path from the project's root, and content."""
    files = (content.decode().partition("groups:\n")[2] for content in prometheus_files.documents().values())
    return {PATH: (HEAD + "".join(indent(groups, "  ") for groups in files)).encode()}
