// Package syntax stands where the linter expects Loki's parser: no LogQL can be read here, and none is.
package syntax

import (
	"errors"
	"time"
)

type (
	// Expr is what is never made here.
	Expr interface{ never() }
	// BinOpExpr is named by the linter.
	BinOpExpr struct {
		Expr
		SampleExpr, RHS Expr
	}
	// RangeAggregationExpr is named by the linter.
	RangeAggregationExpr struct {
		Expr
		Left Expr
	}
	// VectorAggregationExpr is named by the linter.
	VectorAggregationExpr struct {
		Expr
		Left Expr
	}
	// LabelReplaceExpr is named by the linter.
	LabelReplaceExpr struct {
		Expr
		Left Expr
	}
	// LogRangeExpr is named by the linter.
	LogRangeExpr struct {
		Expr
		Left     Expr
		Interval time.Duration
	}
	// PipelineExpr is named by the linter.
	PipelineExpr struct {
		Expr
		Left        Expr
		MultiStages []Expr
	}
)

// ParseExpr refuses whatever it is given.
func ParseExpr(string) (Expr, error) {
	return nil, errors.New("LogQL is not read here")
}
