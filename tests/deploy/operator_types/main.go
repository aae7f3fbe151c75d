// Reads YAML documents from stdin and decodes each strictly into the Prometheus operator's own types. An unknown or a repeated
// field, or a wrong type, is an error.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail("stdin: %v", err)
	}
	decoded := 0
	for _, document := range bytes.Split(input, []byte("\n---\n")) {
		var head struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			fail("%v", err)
		}
		if head.APIVersion != "monitoring.coreos.com/v1" {
			fail("%s is not of monitoring.coreos.com/v1", head.APIVersion)
		}
		var object any
		switch head.Kind {
		case "ServiceMonitor":
			object = &monitoring.ServiceMonitor{}
		case "PodMonitor":
			object = &monitoring.PodMonitor{}
		case "PrometheusRule":
			object = &monitoring.PrometheusRule{}
		default:
			fail("kind %q is unknown", head.Kind)
		}
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			fail("%s: %v", head.Kind, err)
		}
		decoded++
	}
	fmt.Println(decoded)
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}
