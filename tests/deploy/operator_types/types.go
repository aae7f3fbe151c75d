// Package operator_types requires the types of the Prometheus operator, of which controller-gen makes its CRDs.
package operator_types

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
