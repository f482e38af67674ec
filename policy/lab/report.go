package lab

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"path"
	"slices"
)

// Level says how bad a finding is.
type Level string

// The levels, with SARIF's names.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

// Finding is something that is wrong with a policy, or may be.
type Finding struct {
	Rule    string `json:"rule"` // "grants-exec"
	Level   Level  `json:"level"`
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

func (f Finding) String() string {
	text := fmt.Sprintf("%s:%d: %s: %s (%s)", f.File, f.Line, f.Level, f.Message, f.Rule)
	if f.Fix != "" {
		text += "\n    " + f.Fix
	}
	return text
}

// Failures makes a finding of each test that failed.
func Failures(results []Result) []Finding {
	var found []Finding
	for _, r := range results {
		if r.Problem != "" {
			found = append(found, Finding{Rule: "test-failed", Level: Error, File: r.File, Line: r.Line, Message: fmt.Sprintf("%s: %s", Show(r.Asks), r.Problem)})
		}
	}
	return found
}

// The parts of SARIF 2.1.0 (OASIS, sections 3.13 to 3.49) that are written here.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     Level           `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

// SARIF renders findings for code scanning. Files keep the names that the findings have: give them names that are relative to
// the repository.
func SARIF(found []Finding) ([]byte, error) {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "gatehouse policy", Rules: []sarifRule{}}}, Results: []sarifResult{}}
	for _, f := range found {
		index := slices.IndexFunc(run.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == f.Rule })
		if index < 0 {
			index = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{f.Rule, sarifText{about(f.Rule)}})
		}
		text := f.Message
		if f.Fix != "" {
			text += ". " + f.Fix
		}
		at := sarifLocation{sarifPhysical{sarifArtifact{path.Clean(f.File)}, sarifRegion{max(f.Line, 1)}}}
		run.Results = append(run.Results, sarifResult{f.Rule, index, f.Level, sarifText{text}, []sarifLocation{at}})
	}
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
	text, err := json.MarshalIndent(log, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("render SARIF: %w", err)
	}
	return append(text, '\n'), nil
}

// JUnit's report, as CI services read it.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit renders test results, one suite a file.
func JUnit(results []Result) ([]byte, error) {
	out := junitSuites{Tests: len(results), Failures: Failed(results)}
	for _, r := range results {
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != r.File {
			out.Suites = append(out.Suites, junitSuite{Name: r.File})
		}
		s := &out.Suites[len(out.Suites)-1]
		c := junitCase{Class: r.File, Name: fmt.Sprintf("%d: %s", r.Line, Show(r.Asks)), File: r.File, Line: r.Line}
		s.Tests++
		if r.Problem != "" {
			s.Failures++
			c.Failure = &junitFailure{Message: Show(r.Problem), Text: fmt.Sprintf("%s:%d: %s", r.File, r.Line, Show(r.Problem))}
		}
		s.Cases = append(s.Cases, c)
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("render JUnit: %w", err)
	}
	return slices.Concat([]byte(xml.Header), text, []byte("\n")), nil
}
