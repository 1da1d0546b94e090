package main

import (
	"encoding/json"
	"errors"
	"fmt"

	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomization "github.com/fluxcd/kustomize-controller/api/v1"
	source "github.com/fluxcd/source-controller/api/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	strict "sigs.k8s.io/json"
)

// Kinds of others that this project writes, by apiVersion and kind.
var kinds = map[string]func() any{
	"source.toolkit.fluxcd.io/v1 GitRepository":    func() any { return &source.GitRepository{} },
	"helm.toolkit.fluxcd.io/v2 HelmRelease":        func() any { return &helm.HelmRelease{} },
	"kustomize.toolkit.fluxcd.io/v1 Kustomization": func() any { return &kustomization.Kustomization{} },
	"monitoring.coreos.com/v1 PrometheusRule":      func() any { return &monitoring.PrometheusRule{} },
	"monitoring.coreos.com/v1 ServiceMonitor":      func() any { return &monitoring.ServiceMonitor{} },
}

// What is wrong with each object, by the Go types of whoever defines its kind: unknown fields, and values of another type.
// Empty where nothing is.
func readAll(asked *request) ([]string, error) {
	all := make([]string, 0, len(asked.Objects))
	for _, object := range asked.Objects {
		kind := fmt.Sprintf("%v %v", object["apiVersion"], object["kind"])
		empty, known := kinds[kind]
		if !known {
			all = append(all, "unknown kind "+kind)
			continue
		}
		text, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		unknown, err := strict.UnmarshalStrict(text, empty())
		wrong := ""
		if err := errors.Join(append(unknown, err)...); err != nil {
			wrong = err.Error()
		}
		all = append(all, wrong)
	}
	return all, nil
}
