// Package v2 stands where the linter expects the second schema of Grafana's dashboards: none can be read here, and none is.
package v2

import "errors"

type (
	// DashboardSpec refuses whatever it is given.
	DashboardSpec struct {
		Title       string
		Editable    *bool
		Elements    map[string]DashboardElement
		Variables   []DashboardVariableKind
		Annotations []DashboardAnnotationQueryKind
	}
	// DashboardElement is named by the linter.
	DashboardElement struct {
		PanelKind *struct{ Spec DashboardPanelSpec }
	}
	// DashboardPanelSpec is named by the linter.
	DashboardPanelSpec struct {
		Id                 float64
		Title, Description string
		VizConfig          struct {
			Group string
			Spec  struct{ FieldConfig, Options any }
		}
		Data struct {
			Spec struct{ Queries []DashboardPanelQueryKind }
		}
	}
	// DashboardPanelQueryKind is named by the linter.
	DashboardPanelQueryKind struct {
		Spec struct {
			RefId  string
			Hidden bool
			Query  DashboardDataQueryKind
		}
	}
	// DashboardDataQueryKind is named by the linter.
	DashboardDataQueryKind struct {
		Group      string
		Datasource *struct{ Name *string }
		Spec       map[string]any
	}
	// DashboardAnnotationQueryKind is named by the linter.
	DashboardAnnotationQueryKind struct {
		Spec struct {
			Name  string
			Query DashboardDataQueryKind
		}
	}
	// DashboardVariableKind is named by the linter.
	DashboardVariableKind struct {
		QueryVariableKind                                                *struct{ Spec queried }
		DatasourceVariableKind, CustomVariableKind, IntervalVariableKind *struct{ Spec variable }
		ConstantVariableKind, TextVariableKind, AdhocVariableKind        *struct{ Spec variable }
		GroupByVariableKind, SwitchVariableKind                          *struct{ Spec variable }
	}
	variable struct {
		Name, Query, PluginId string
		Label, AllValue       *string
		Multi                 bool
		Refresh               DashboardVariableRefresh
	}
	queried struct {
		Name            string
		Label, AllValue *string
		Multi           bool
		Refresh         DashboardVariableRefresh
		Query           DashboardDataQueryKind
	}
	// DashboardVariableRefresh is named by the linter.
	DashboardVariableRefresh string
)

// What the linter compares with.
const (
	DashboardVariableRefreshOnDashboardLoad    DashboardVariableRefresh = "onDashboardLoad"
	DashboardVariableRefreshOnTimeRangeChanged DashboardVariableRefresh = "onTimeRangeChanged"
)

// UnmarshalJSON refuses whatever it is given.
func (*DashboardSpec) UnmarshalJSON([]byte) error {
	return errors.New("the second schema of dashboards is not read here")
}
