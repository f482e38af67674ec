package web

import (
	"net/http"
	"net/url"

	"gatehouse/internal/console"
)

// auditView is the page about the audit log.
type auditView struct {
	console.AuditState
	Paged       bool   // not the newest entries
	Older       string // address of the next page
	Alarm       bool
	Unwitnessed bool // no witness is asked
	Verify      string
}

// verifyCommand is what anybody can run on a copy of the log's folder.
const verifyCommand = "gatehouse audit verify --data DATA --key log.pub --checkpoint checkpoint"

func (s *Server) auditPage(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	before := r.URL.Query().Get("before")
	if len(before) > maxField {
		return errBadRequest
	}
	state, err := s.cfg.Integrity.AuditState(r.Context(), who, before)
	if err != nil {
		return err
	}
	state = s.cfg.Console.MaskAudit(state)
	view := auditView{AuditState: state, Paged: before != "", Unwitnessed: true, Verify: verifyCommand}
	for _, a := range state.Anchors {
		view.Alarm = view.Alarm || a.Alarm != ""
		view.Unwitnessed = view.Unwitnessed && a.Kind != "witness"
	}
	if state.Next != "" {
		view.Older = "/audit?before=" + url.QueryEscape(state.Next)
	}
	s.render(w, r, http.StatusOK, "audit", page{Title: "Audit log", Nav: "audit", By: state.By, Body: view})
	return nil
}

// auditCheckpoint is the newest signed checkpoint as a file: what to keep where this machine's root cannot reach it.
func (s *Server) auditCheckpoint(w http.ResponseWriter, r *http.Request, who console.Credential) error {
	state, err := s.cfg.Integrity.AuditState(r.Context(), who, "")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="checkpoint"`)
	_, _ = w.Write([]byte(state.Checkpoint)) // the client is gone if that fails
	return nil
}
