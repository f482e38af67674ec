package local

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// maxModes bounds what a client says of its terminal; there are fewer than 160 opcodes.
const maxModes = 1024

// The opcodes of RFC 4254 section 8 that are not flags or control characters.
const (
	modeEnd    = 0
	modeISpeed = 128
	modeOSpeed = 129
	modeLast   = 159 // larger ones have no defined argument, so nothing after them can be read
)

var modeChars = map[byte]int{
	1: unix.VINTR, 2: unix.VQUIT, 3: unix.VERASE, 4: unix.VKILL, 5: unix.VEOF, 6: unix.VEOL, 7: unix.VEOL2, 8: unix.VSTART, 9: unix.VSTOP,
	10: unix.VSUSP, 12: unix.VREPRINT, 13: unix.VWERASE, 14: unix.VLNEXT, 18: unix.VDISCARD,
}

var modeInput = map[byte]uint32{
	30: unix.IGNPAR, 31: unix.PARMRK, 32: unix.INPCK, 33: unix.ISTRIP, 34: unix.INLCR, 35: unix.IGNCR, 36: unix.ICRNL, 37: unix.IUCLC,
	38: unix.IXON, 39: unix.IXANY, 40: unix.IXOFF, 41: unix.IMAXBEL, 42: unix.IUTF8,
}

var modeLocal = map[byte]uint32{
	50: unix.ISIG, 51: unix.ICANON, 52: unix.XCASE, 53: unix.ECHO, 54: unix.ECHOE, 55: unix.ECHOK, 56: unix.ECHONL, 57: unix.NOFLSH,
	58: unix.TOSTOP, 59: unix.IEXTEN, 60: unix.ECHOCTL, 61: unix.ECHOKE, 62: unix.PENDIN,
}

var modeOutput = map[byte]uint32{70: unix.OPOST, 71: unix.OLCUC, 72: unix.ONLCR, 73: unix.OCRNL, 74: unix.ONOCR, 75: unix.ONLRET}

// setModes gives a terminal the modes that a client has, encoded as in RFC 4254 section 8. What it does not know is left
// alone, and what is cut off is not read. It is the shim that calls it, as the user: nothing of root's reads these bytes.
func setModes(fd int, modes []byte) error {
	if len(modes) == 0 {
		return nil
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	applyModes(t, modes)
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

func applyModes(t *unix.Termios, modes []byte) {
	for len(modes) >= 5 && modes[0] != modeEnd && modes[0] <= modeLast {
		applyMode(t, modes[0], binary.BigEndian.Uint32(modes[1:]))
		modes = modes[5:]
	}
}

func applyMode(t *unix.Termios, opcode byte, value uint32) {
	set := func(flags *uint32, bits uint32) {
		*flags &^= bits
		if value != 0 {
			*flags |= bits
		}
	}
	switch i, isChar := modeChars[opcode]; {
	case isChar && value <= 255:
		if value == 255 {
			value = 0 // none, as Linux has it (_POSIX_VDISABLE)
		}
		t.Cc[i] = byte(value)
	case opcode == modeISpeed || opcode == modeOSpeed: // a pty has none
	case modeInput[opcode] != 0:
		set(&t.Iflag, modeInput[opcode])
	case modeLocal[opcode] != 0:
		set(&t.Lflag, modeLocal[opcode])
	case modeOutput[opcode] != 0:
		set(&t.Oflag, modeOutput[opcode])
	}
}
