package web

import (
	"context"
	"errors"
	"io"
	"net/http"

	"gatehouse/internal/id"
)

// Tickets is the decider as a ticket system sees it. Safe for concurrent use.
type Tickets interface {
	// CloseTicket ends the grants that were made for the ticket that body names, and returns how many those were. It believes
	// only a signature over the time, a dot and the body, by the shared secret. A refusal is *APIError without an ID, and
	// nothing has changed; it is audited, as is success, when the method returns. Any other error is a fault of ours.
	CloseTicket(ctx context.Context, body []byte, signature, time string) (ended int, err error)
}

const ticketsPath = "/v1/tickets"

// The headers of a closed ticket.
const (
	ticketTime      = "Gatehouse-Time"      // seconds since 1970
	ticketSignature = "Gatehouse-Signature" // "sha256=" and the HMAC-SHA256 in hexadecimal
)

// TicketClosed is the answer.
type TicketClosed struct {
	Ended int `json:"ended"` // grants
}

// closeTicket answers POST /v1/tickets.
func (s *Server) closeTicket(w http.ResponseWriter, r *http.Request) {
	request := id.New(id.Request, s.cfg.Now())
	switch {
	case s.cfg.Tickets == nil:
		s.fail(w, r, errNoPage)
		return
	case !s.enrolling.allow(sourceOf(r)):
		s.refuse(w, r, request, &APIError{Code: "rate_limited", Text: "too many requests from this address"})
		return
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		s.refuse(w, r, request, &APIError{Code: "body_too_large", Text: "the request is larger than any that makes sense"})
		return
	}
	if err != nil {
		s.refuse(w, r, request, &APIError{Code: "bad_request", Text: "the body ended early"})
		return
	}
	ended, err := s.cfg.Tickets.CloseTicket(r.Context(), body, r.Header.Get(ticketSignature), r.Header.Get(ticketTime))
	if err != nil {
		s.refuse(w, r, request, err)
		return
	}
	writeJSON(w, http.StatusOK, TicketClosed{ended})
}
