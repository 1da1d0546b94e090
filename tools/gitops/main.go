// Judges Kubernetes objects as GitOps tools do: their health by Lua, as Argo CD runs it; their status by kstatus, which
// Flux and Helm 4 use; and what Flux's variable substitution makes of them. With the argument `diff`, it says where Argo
// CD sees a difference between what is declared and what is there, in each of its modes; with `read`, what is wrong with
// objects of Flux and of the Prometheus operator.
//
// It reads one request as JSON from standard input and writes the verdicts, in the order of the objects, to standard
// output.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/kustomize"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/provider"
)

// Argo CD gives a script so long.
const limit = time.Second

type request struct {
	// Health scripts, by the kind that they judge.
	Scripts map[string]string `json:"scripts"`
	Objects []map[string]any  `json:"objects"`
	// Variables that Flux substitutes.
	Variables map[string]any `json:"variables"`
}

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type verdicts struct {
	// Absent where no script judges the kind.
	ArgoCD  *verdict `json:"argocd"`
	Kstatus verdict  `json:"kstatus"`
	// What Flux would apply.
	Flux map[string]any `json:"flux"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gitops-judge:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "diff":
			return answerWith(compareAll)
		case "read":
			return answerWith(readAll)
		}
	}
	return answerWith(judgeAll)
}

func answerWith[Request, Answer any](answer func(*Request) (Answer, error)) error {
	var asked Request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	found, err := answer(&asked)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func judgeAll(asked *request) ([]verdicts, error) {
	all := make([]verdicts, 0, len(asked.Objects))
	for index, object := range asked.Objects {
		judged, err := judge(asked, object)
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", index, err)
		}
		all = append(all, judged)
	}
	return all, nil
}

func judge(asked *request, content map[string]any) (verdicts, error) {
	object, err := decode(content)
	if err != nil {
		return verdicts{}, err
	}
	var judged verdicts
	if script, ok := asked.Scripts[object.GetKind()]; ok {
		health, err := healthOf(object, script)
		if err != nil {
			return verdicts{}, fmt.Errorf("health: %w", err)
		}
		judged.ArgoCD = health
	}
	computed, err := status.Compute(object)
	if err != nil {
		return verdicts{}, fmt.Errorf("kstatus: %w", err)
	}
	judged.Kstatus = verdict{computed.Status.String(), computed.Message}
	judged.Flux, err = substituted(content, asked.Variables)
	if err != nil {
		return verdicts{}, fmt.Errorf("substitution: %w", err)
	}
	return judged, nil
}

// Numbers become integers where they can, as they do when Kubernetes' clients read an object.
func decode(content map[string]any) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(text)
}

// Argo CD opens these libraries and no other. Its own `os`, which knows the time alone, is left out.
func healthOf(object *unstructured.Unstructured, script string) (*verdict, error) {
	// Argo CD asks no script about an object that is being deleted.
	if object.GetDeletionTimestamp() != nil {
		return &verdict{"Progressing", "Pending deletion"}, nil
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", value(state, object.Object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, errors.New("the script returns no table")
	}
	health := &verdict{lua.LVAsString(table.RawGetString("status")), lua.LVAsString(table.RawGetString("message"))}
	switch health.Status {
	case "Healthy", "Progressing", "Degraded", "Suspended":
		return health, nil
	}
	return nil, fmt.Errorf("%q is no health", health.Status)
}

func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case bool:
		return lua.LBool(from)
	case float64:
		return lua.LNumber(from)
	case int64:
		return lua.LNumber(from)
	case string:
		return lua.LString(from)
	case []any:
		list := state.CreateTable(len(from), 0)
		for _, item := range from {
			list.Append(value(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(from))
		for key, item := range from {
			table.RawSetString(key, value(state, item))
		}
		return table
	}
	return lua.LNil
}

func substituted(content map[string]any, variables map[string]any) (map[string]any, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	applied, err := provider.NewDefaultDepProvider().GetResourceFactory().FromBytes(text)
	if err != nil {
		return nil, err
	}
	settings := unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"postBuild": map[string]any{"substitute": variables}},
	}}
	// No cluster is asked: the variables are in the settings.
	changed, err := kustomize.SubstituteVariables(context.Background(), nil, settings, applied,
		kustomize.SubstituteWithDryRun(true))
	if err != nil {
		return nil, err
	}
	if changed == nil {
		// Not to be substituted.
		return content, nil
	}
	return changed.Map()
}
