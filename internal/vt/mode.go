package vt

// mode sets or resets an ANSI mode.
func (t *Terminal) mode(n int, on bool) {
	switch n {
	case 4:
		t.insert = on
	case 20:
		t.newline = on
	}
}

// privateMode sets or resets a DEC private mode. Those of the keyboard and the mouse change nothing that is seen.
func (t *Terminal) privateMode(n int, on bool) {
	switch n {
	case 5:
		t.reverse = on
	case 6:
		t.origin = on
		t.moveTo(0, 0)
	case 7:
		t.noWrap = !on
	case 25:
		t.hidden = !on
	case 47, 1047:
		t.setAlt(on)
	case 1048:
		t.saveOrRestore(on)
	case 1049:
		t.mainAndAlt(on)
	}
}

func (t *Terminal) saveOrRestore(save bool) {
	if save {
		t.save()
		return
	}
	t.restore()
}

// mainAndAlt is mode 1049: the cursor is saved on the way to the alternate screen and brought back on the way from it.
func (t *Terminal) mainAndAlt(on bool) {
	if on {
		t.save()
		t.setAlt(true)
		return
	}
	t.setAlt(false)
	t.restore()
}

// softReset is DECSTR: pen, character sets, margins, saved cursor, and the modes but those of the screen's colours and of line feeds.
func (t *Terminal) softReset() {
	t.insert, t.noWrap, t.hidden = false, false, false
	t.top, t.bottom = 0, t.rows-1
	t.cursor = cursor{x: t.x, y: t.y}
	t.saved[t.which()] = cursor{}
}
