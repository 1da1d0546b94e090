// dashboard-judge prints what Grafana's own linter finds in a dashboard, one finding a line, and ends with 1 where there is
// one. Rules that are not meant for this dashboard are passed over, each for a reason.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/dashboard-linter/lint"
)

// passedOver says why a rule does not hold here.
var passedOver = map[string]string{
	"template-job-rule":      "all figures are named crossrole_…, whatever job scrapes them",
	"template-instance-rule": "the leader alone tells how things stand, and another Pod leads tomorrow",
	"target-job-rule":        "as template-job-rule",
	"target-instance-rule":   "as template-instance-rule",
}

func main() {
	if len(os.Args) != 2 {
		fail("usage: dashboard-judge FILE")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	dashboard, err := lint.NewDashboard(text)
	if err != nil {
		fail(err)
	}
	rules := lint.NewRuleSet()
	results, err := rules.Lint([]lint.Dashboard{dashboard})
	if err != nil {
		fail(err)
	}
	found := false
	for name, all := range results.ByRule() {
		if passedOver[name] != "" {
			continue
		}
		for _, one := range all {
			for _, result := range one.Result.Results {
				if result.Severity == lint.Warning || result.Severity == lint.Error {
					found = true
					fmt.Printf("%s: %s\n", name, result.Message)
				}
			}
		}
	}
	if found {
		os.Exit(1)
	}
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "dashboard-judge:", why)
	os.Exit(2)
}
