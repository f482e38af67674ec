package decider

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"

	"gatehouse/ca"
	"gatehouse/internal/decider/lend"
	"gatehouse/internal/decider/protocol"
	"gatehouse/recorder/audit"
)

// ServeDoor answers the door on its socket until it closes or the context ends. There is one door.
func (d *Decider) ServeDoor(ctx context.Context, rw io.ReadWriteCloser) error {
	srv := protocol.NewServer(rw, d.handleDoor, d.logInternal)
	streams := lend.NewBorrower(lend.BorrowerConfig{Tell: srv.Event, Allow: d.mayReach})
	srv.OnGone(streams.Close)
	d.mu.Lock()
	d.door, d.streams = srv, streams
	d.mu.Unlock()
	stop := d.runAnchors(ctx)
	defer stop()
	defer d.startExport(ctx)()
	defer d.startAlerts(ctx)()
	defer d.tendLocks(ctx)()
	defer d.startAccess(ctx)()
	return srv.Serve(ctx)
}

// ServeAdmin answers local administrators on a socket that only root can open. It returns when all have been answered.
func (d *Decider) ServeAdmin(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var work sync.WaitGroup
	defer work.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept administrator: %w", err)
		}
		work.Go(func() {
			defer c.Close()
			if err := protocol.NewServer(c, d.HandleAdmin, d.logInternal).Serve(ctx); err != nil {
				d.cfg.Log.Warn("administrator connection", "error", err)
			}
		})
	}
}

// Started writes the log's entry that the service runs, and tells the operator where each CA's key is; Stopped that it ends.
func (d *Decider) Started(ctx context.Context, detail string) error {
	for _, name := range ca.Names() {
		d.cfg.Log.Info("CA key", "ca", string(name), "signer", d.cas.Describe(name))
	}
	return d.append(ctx, audit.Entry{Type: audit.ServeStart, Outcome: "ok", Policy: d.PolicyHash(), Reason: detail}, d.keysEntry())
}

// Stopped writes the log's entry that the service ends, with the reason.
func (d *Decider) Stopped(ctx context.Context, reason string) error {
	return d.append(ctx, audit.Entry{Type: audit.ServeStop, Outcome: "ok", Reason: reason})
}

func (d *Decider) logInternal(op protocol.Op, err error) {
	d.cfg.Log.Error("request failed", "op", string(op), "error", err)
}

// handleDoor is everything that the door can ask.
func (d *Decider) handleDoor(ctx context.Context, op protocol.Op, body json.RawMessage) (any, error) {
	switch op {
	case protocol.OpHello:
		return d.hello()
	case protocol.OpAuthenticate:
		return call(ctx, body, d.authenticate)
	case protocol.OpFace:
		return call(ctx, body, d.face)
	case protocol.OpDecide:
		return call(ctx, body, d.decide)
	case protocol.OpTransfer:
		return call(ctx, body, d.transfer)
	case protocol.OpFile:
		return call(ctx, body, d.file)
	case protocol.OpFileEnd:
		return call(ctx, body, d.fileEnd)
	case protocol.OpForward:
		return call(ctx, body, d.forward)
	case protocol.OpRefuse:
		return call(ctx, body, d.refused)
	case protocol.OpChunk:
		return call(ctx, body, d.chunk)
	case protocol.OpEnd:
		return call(ctx, body, d.end)
	case protocol.OpClose:
		return call(ctx, body, d.close)
	case protocol.OpAuthorize:
		return call(ctx, body, d.authorize)
	case protocol.OpSweep:
		return call(ctx, body, d.sweep)
	case protocol.OpMintLink:
		return call(ctx, body, d.mintLink)
	case protocol.OpRedeem:
		return call(ctx, body, d.redeem)
	case protocol.OpSignOut:
		return call(ctx, body, d.signOut)
	case protocol.OpMetrics:
		return call(ctx, body, d.metricsText)
	case protocol.OpHealth:
		return call(ctx, body, d.health)
	case protocol.OpEnrol:
		return call(ctx, body, d.enrol)
	case protocol.OpRenew:
		return call(ctx, body, d.renew)
	case protocol.OpKnownHosts:
		return call(ctx, body, d.knownHosts)
	case protocol.OpHostSeen:
		return call(ctx, body, d.hostSeen)
	case protocol.OpRevoke:
		return call(ctx, body, d.revokeAsked)
	case protocol.OpLift:
		return call(ctx, body, d.liftAsked)
	case protocol.OpRevocations:
		return call(ctx, body, d.revocationsAsked)
	case protocol.OpLock:
		return call(ctx, body, d.lockAsked)
	case protocol.OpUnlock:
		return call(ctx, body, d.unlockAsked)
	case protocol.OpLocks:
		return call(ctx, body, d.locksAsked)
	case protocol.OpUnseal:
		return call(ctx, body, d.unseal)
	case protocol.OpDispose:
		return call(ctx, body, d.dispose)
	case protocol.OpOffers:
		return call(ctx, body, d.offers)
	case protocol.OpAuditState:
		return call(ctx, body, d.auditState)
	case protocol.OpStreamOpened, protocol.OpStreamData, protocol.OpStreamEnd, protocol.OpStreamSent:
		return d.borrower().Handle(op, body)
	}
	return d.handlePeople(ctx, op, body)
}

// handlePeople is what the door asks for people and their accounts.
func (d *Decider) handlePeople(ctx context.Context, op protocol.Op, body json.RawMessage) (any, error) {
	switch op {
	case protocol.OpSignInWays:
		return call(ctx, body, d.signInWays)
	case protocol.OpPasskeyBegin:
		return call(ctx, body, d.beginPasskey)
	case protocol.OpPasskeySignIn:
		return call(ctx, body, d.signInByPasskey)
	case protocol.OpPasskeyAdd:
		return call(ctx, body, d.addPasskey)
	case protocol.OpPasskeyName:
		return call(ctx, body, d.namePasskey)
	case protocol.OpPasskeyRemove:
		return call(ctx, body, d.removePasskey)
	case protocol.OpAccount:
		return call(ctx, body, d.account)
	case protocol.OpSignOutAll:
		return call(ctx, body, d.signOutAll)
	case protocol.OpOIDCBegin:
		return call(ctx, body, d.beginOIDC)
	case protocol.OpOIDCFinish:
		return call(ctx, body, d.finishOIDC)
	case protocol.OpDeviceBegin:
		return call(ctx, body, d.beginDevice)
	case protocol.OpDeviceShow:
		return call(ctx, body, d.showDevice)
	case protocol.OpDeviceAnswer:
		return call(ctx, body, d.answerDevice)
	}
	return d.handleAccess(ctx, op, body)
}

// HandleAdmin is everything that a local administrator can ask. It is also the way of the command line when no server runs.
func (d *Decider) HandleAdmin(ctx context.Context, op protocol.Op, body json.RawMessage) (any, error) {
	switch op {
	case protocol.OpIssue:
		return call(ctx, body, d.issue)
	case protocol.OpSetupLink:
		return call(ctx, body, d.setupLink)
	case protocol.OpPasskeys:
		return call(ctx, body, d.passkeysOf)
	case protocol.OpPasskeyDrop:
		return call(ctx, body, d.dropPasskey)
	case protocol.OpPasskeyReset:
		return call(ctx, body, d.resetPasskeys)
	case protocol.OpReload:
		return d.Reload(ctx)
	case protocol.OpSignHost:
		return call(ctx, body, d.signHost)
	case protocol.OpJoinCreate:
		return call(ctx, body, d.createJoin)
	case protocol.OpJoinList:
		return call(ctx, body, d.listJoin)
	case protocol.OpJoinRemove:
		return call(ctx, body, d.removeJoin)
	case protocol.OpKeyAdd:
		return call(ctx, body, d.addKey)
	case protocol.OpKeyList:
		return call(ctx, body, d.listKeys)
	case protocol.OpKeyRemove:
		return call(ctx, body, d.removeKey)
	case protocol.OpCAStatus:
		return call(ctx, body, d.caStatus)
	case protocol.OpCARotate:
		return call(ctx, body, d.caRotate)
	case protocol.OpRevoke:
		return call(ctx, body, d.revokeLocal)
	case protocol.OpLift:
		return call(ctx, body, d.liftLocal)
	case protocol.OpRevocations:
		return call(ctx, body, d.revocationsLocal)
	case protocol.OpLock:
		return call(ctx, body, d.lockLocal)
	case protocol.OpUnlock:
		return call(ctx, body, d.unlockLocal)
	case protocol.OpLocks:
		return call(ctx, body, d.locksLocal)
	case protocol.OpKRL:
		return call(ctx, body, d.exportKRL)
	case protocol.OpExportMove:
		return call(ctx, body, d.moveExport)
	case protocol.OpTargets:
		return call(ctx, body, d.targets)
	case protocol.OpEnrolTarget:
		return call(ctx, body, d.enrolTarget)
	case protocol.OpProbe:
		return call(ctx, body, d.probe)
	case protocol.OpChecked:
		return call(ctx, body, d.checked)
	case protocol.OpMetrics:
		return call(ctx, body, d.metricsText)
	case protocol.OpStatus:
		return call(ctx, body, d.status)
	}
	return d.handleAccessAdmin(ctx, op, body)
}

// call decodes a body strictly and runs its operation.
func call[In, Out any](ctx context.Context, body json.RawMessage, f func(context.Context, In) (Out, error)) (any, error) {
	var in In
	if err := protocol.Decode(body, &in); err != nil {
		return nil, invalid("malformed body: %v", err)
	}
	return f(ctx, in)
}
