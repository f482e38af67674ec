package limits

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Every field has a row, its default lies within its bounds, and what is out of bounds is named.
func TestTable(t *testing.T) {
	if fields := reflect.TypeFor[Limits]().NumField(); len(Table) != fields-1 {
		t.Errorf("%d rows for %d fields; penalty_exempt alone has none", len(Table), fields)
	}
	tags := map[string]bool{}
	for f := range reflect.TypeFor[Limits]().Fields() {
		tags[f.Tag.Get("yaml")] = true
	}
	for _, r := range Table {
		if !tags[r.Name] {
			t.Errorf("no field is written %s", r.Name)
		}
		for value, want := range map[int64]bool{r.Default: true, r.Min: true, r.Max: true, r.Max + 1: false, -1: false} {
			var l Limits
			r.set(&l, value)
			var named []string
			l.Check(func(name, _ string) { named = append(named, name) })
			if r.Name == "env_name_bytes" || r.Name == "env_value_bytes" || r.Name == "env_bytes" {
				continue // bounds of each other
			}
			if (len(named) == 0) != want || (!want && named[0] != r.Name) {
				t.Errorf("%s of %s: %v", r.Name, r.Text(value), named)
			}
		}
	}
	var none []string
	Limits{}.Complete().Check(func(name, why string) { none = append(none, name+why) })
	if len(none) > 0 {
		t.Errorf("the defaults: %v", none)
	}
}

// What is set stays, what is not takes its default.
func TestComplete(t *testing.T) {
	l := Limits{Channels: 3, Idle: time.Hour, PenaltyExempt: []string{}}.Complete()
	if l.Channels != 3 || l.Idle != time.Hour || l.Starting != 200 || l.Keepalive != time.Minute || len(l.PenaltyExempt) != 0 {
		t.Errorf("%+v", l)
	}
	if l := (Limits{}).Complete(); len(l.PenaltyExempt) != 2 {
		t.Errorf("exempt by default: %v", l.PenaltyExempt)
	}
}

// Networks that are exempt are networks.
func TestExempt(t *testing.T) {
	for text, good := range map[string]bool{"10.0.0.0/8": true, "2001:db8::/32": true, "10.0.0.1": false, "x": false, "": false} {
		if _, err := (Limits{PenaltyExempt: []string{text}}).Exempt(); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The table in docs/operations.md is this one.
func TestDocumentation(t *testing.T) {
	data, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Table {
		row := fmt.Sprintf("| `%s` | %s | %s to %s | %s |\n", r.Name, r.Text(r.Default), r.Text(r.Min), r.Text(r.Max), r.What)
		if !strings.Contains(string(data), row) {
			t.Errorf("docs/operations.md needs the row\n%s", row)
		}
	}
}
