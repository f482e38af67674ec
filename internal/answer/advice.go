package answer

import "strings"

// maxFinal bounds what the human line shows of the command that would run, in bytes; the machine's line has all of it.
const maxFinal = 300

// heading begins the human line: whether policy said no, or people or a dry run stand between.
func heading(code string) string {
	switch code {
	case "needs_approval":
		return "gatehouse: NEEDS APPROVAL (nothing ran): "
	case "approval_pending":
		return "gatehouse: STILL WAITING for approval (nothing ran): "
	case "approval_declined":
		return "gatehouse: DECLINED by a person (nothing ran): "
	case "approval_expired":
		return "gatehouse: NOT APPROVED IN TIME (nothing ran): "
	case "locked":
		return "gatehouse: LOCKED (nothing ran): "
	case "paused":
		return "gatehouse: PAUSED (nothing ran): "
	case "dry_run":
		return "gatehouse: DRY RUN (nothing ran): "
	}
	return "gatehouse: DENIED by policy (not a system fault): "
}

// advice says in a sentence what whoever sent the command should do now. An agent that hears only "no" tries the same thing in
// other words; one that hears where the list is reads it.
func advice(d Denial) string {
	switch d.Code {
	case "needs_approval":
		return "The command is right: do not rephrase it or look for another way; " + ask(d, "tell your user that people must approve it")
	case "approval_pending":
		return "Nobody has decided yet: send the same command again later, it finds the same request" + look(d)
	case "approval_declined":
		return "A person decided: do not ask again, rephrase it or look for another way; tell your user what they said"
	case "approval_expired":
		return "Nobody said no: if it is still needed, send the same command again, and tell your user that people must answer it"
	case "locked":
		return "A person has stopped this: do not look for another way, and tell your user"
	case "paused":
		return "A person has paused this: wait until they resume it, or tell your user"
	case "dry_run":
		return "Nothing is wrong with the command: do not repeat or rephrase it"
	case "unsupported_syntax":
		if d.Governed {
			return "Write that part as it says; the rest is read as bash reads it. " + allowed(d.Target)
		}
		return "Write it as literal commands, which may be joined by | && || ; and newlines. " + allowed(d.Target)
	case "target_not_granted":
		if asks := ask(d, ""); asks != "" {
			return "Do not try other names; " + asks
		}
		return "Do not try other names. Where you may work: ssh bastion help"
	case "denied_by_rule":
		return "Do not rephrase it or look for another way; tell your user if it is needed"
	case "program":
		return "Do not install it or try other paths; tell your user if it is needed"
	case "outside_window", "condition_not_met":
		return "Do not rephrase it; try the same again when that has changed, or tell your user. " + allowed(d.Target)
	case "quota":
		return "Stop and tell your user; rephrasing does not help"
	}
	if asks := ask(d, ""); asks != "" {
		return "Do not rephrase it; " + asks + ". " + allowed(d.Target)
	}
	if len(d.Allowed) > 0 {
		return "Do not rephrase it: use what is allowed, or tell your user. " + allowed(d.Target)
	}
	return "Do not rephrase it. " + allowed(d.Target)
}

// allowed is the command that lists what may be done. A target is named only if no shell could read its name as anything else.
func allowed(target string) string {
	const help = "All that is allowed: ssh bastion help"
	if target == "" || strings.Trim(target, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") != "" || target[0] == '-' {
		return help
	}
	return help + " " + target
}

// human is the line for people.
func (d Denial) human() string {
	line := heading(d.Code) + d.Why
	if (d.Code == "needs_approval" || d.Code == "approval_pending") && d.Final != "" {
		line += "; it would run " + short(d.Final, maxFinal)
	}
	if len(d.Allowed) > 0 {
		line += ". Allowed here: " + strings.Join(d.Allowed, " ; ")
	}
	return line + ". " + d.Advice
}

// short cuts text at a rune.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
