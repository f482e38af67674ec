package reckon

import "math"

// The grammar, from what binds least to what binds most. Each function begins at the first token of its own and ends at the first that is not.

// comma is expressions one after another; the last one counts.
func (e *expression) comma() (int64, error) {
	v, err := e.assignment()
	for err == nil && e.tok == ','<<8 {
		if err = e.next(); err == nil {
			v, err = e.assignment()
		}
	}
	return v, err
}

// assignment sets the variable that the left side is.
func (e *expression) assignment() (int64, error) {
	v, err := e.choice()
	if err != nil || e.tok != assign && e.tok != assignWith {
		return v, err
	}
	with, under, to := e.tok == assignWith, e.under, e.name
	if e.last != variable {
		return 0, e.fault("attempted assignment to non-variable")
	}
	if err = e.next(); err != nil {
		return 0, err
	}
	y, err := e.assignment()
	if err != nil {
		return 0, err
	}
	if with {
		if y, err = e.operate(under, v, y); err != nil {
			return 0, err
		}
	}
	return y, e.set(to, y)
}

// choice is cond ? a : b, of which one is worked out.
func (e *expression) choice() (int64, error) {
	cond, err := e.logical(or, func() (int64, error) { return e.logical(and, func() (int64, error) { return e.binary(0) }) })
	if err != nil || e.tok != '?'<<8 {
		return cond, err
	}
	yes, err := e.unless(cond == 0, e.branch(e.comma))
	if err != nil {
		return 0, err
	}
	if e.tok != ':'<<8 {
		return 0, e.fault("`:' expected for conditional expression")
	}
	no, err := e.unless(cond != 0, e.branch(e.choice))
	e.last = conditional
	if cond != 0 {
		return yes, err
	}
	return no, err
}

// branch reads what stands behind ? or :.
func (e *expression) branch(read func() (int64, error)) func() (int64, error) {
	return func() (int64, error) {
		if err := e.next(); err != nil {
			return 0, err
		}
		if e.tok == end || e.tok == ':'<<8 {
			return 0, e.fault("expression expected")
		}
		return read()
	}
}

// unless reads what is not to be worked out where skip is so.
func (e *expression) unless(skip bool, read func() (int64, error)) (int64, error) {
	if skip {
		e.quiet++
		defer func() { e.quiet-- }()
	}
	return read()
}

// logical is && or ||, whose right side is worked out where the left does not say.
func (e *expression) logical(op token, operand func() (int64, error)) (int64, error) {
	v, err := operand()
	for err == nil && e.tok == op {
		var y int64
		y, err = e.unless((v != 0) == (op == or), func() (int64, error) {
			if err := e.next(); err != nil {
				return 0, err
			}
			return operand()
		})
		if op == or {
			v = truth(v != 0 || y != 0)
		} else {
			v = truth(v != 0 && y != 0)
		}
		e.last = number
	}
	return v, err
}

// levels are the operators that take from left to right, those that bind least first.
var levels = [][]token{
	{'|' << 8}, {'^' << 8}, {'&' << 8}, {equal, unequal}, {atMost, atLeast, '<' << 8, '>' << 8}, {left, right}, {'+' << 8, '-' << 8}, {'*' << 8, '/' << 8, '%' << 8},
}

func (e *expression) binary(level int) (int64, error) {
	if level == len(levels) {
		return e.power()
	}
	v, err := e.binary(level + 1)
	for err == nil && isOne(e.tok, levels[level]) {
		op := e.tok
		if err = e.next(); err != nil {
			break
		}
		var y int64
		if y, err = e.binary(level + 1); err != nil {
			break
		}
		v, err = e.operate(op, v, y)
		e.last = number
	}
	return v, err
}

func isOne(t token, of []token) bool {
	for _, o := range of {
		if t == o {
			return true
		}
	}
	return false
}

// operate is one operator's work.
func (e *expression) operate(op token, x, y int64) (int64, error) {
	switch op {
	case '/' << 8, '%' << 8:
		return e.divide(op, x, y)
	case '|' << 8:
		return x | y, nil
	case '^' << 8:
		return x ^ y, nil
	case '&' << 8:
		return x & y, nil
	case '+' << 8:
		return x + y, nil
	case '-' << 8:
		return x - y, nil
	case '*' << 8:
		return x * y, nil
	case left:
		return x << (uint64(y) & 63), nil
	case right:
		return x >> (uint64(y) & 63), nil
	case equal:
		return truth(x == y), nil
	case unequal:
		return truth(x != y), nil
	case atMost:
		return truth(x <= y), nil
	case atLeast:
		return truth(x >= y), nil
	case '<' << 8:
		return truth(x < y), nil
	}
	return truth(x > y), nil
}

// divide does not by 0, unless nobody wants to know.
func (e *expression) divide(op token, x, y int64) (int64, error) {
	if y == 0 {
		if e.quiet == 0 {
			return 0, e.fault("division by 0")
		}
		y = 1
	}
	if x == math.MinInt64 && y == -1 {
		x, y = truth(op == '/'<<8)*x, 1
	}
	if op == '/'<<8 {
		return x / y, nil
	}
	return x % y, nil
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// power takes from right to left, and less than a sign.
func (e *expression) power() (int64, error) {
	x, err := e.unary()
	for err == nil && e.tok == power {
		if err = e.next(); err != nil {
			break
		}
		var y int64
		if y, err = e.power(); err != nil {
			break
		}
		e.last = number
		if y < 0 {
			return 0, e.fault("exponent less than 0")
		}
		x = raise(x, y)
	}
	return x, err
}

func raise(x, y int64) int64 {
	n := int64(1)
	for ; y > 0; y >>= 1 {
		if y&1 != 0 {
			n *= x
		}
		x *= x
	}
	return n
}

// unary is a sign, or not.
func (e *expression) unary() (int64, error) {
	op := e.tok
	switch op {
	case '!' << 8, '~' << 8, '-' << 8, '+' << 8:
	default:
		return e.primary()
	}
	if err := e.deeper(); err != nil {
		return 0, err
	}
	defer func() { e.depth-- }()
	if err := e.next(); err != nil {
		return 0, err
	}
	v, err := e.unary()
	switch op {
	case '!' << 8:
		v = truth(v == 0)
	case '~' << 8:
		v = ^v
	case '-' << 8:
		v = -v
	}
	e.last = number
	return v, err
}

// deeper bounds what is in each other.
func (e *expression) deeper() error {
	if e.depth++; e.depth > MaxDepth {
		return e.fault(errDepth)
	}
	return nil
}

// primary is a number, a variable with what counts it up or down, or an expression in parentheses.
func (e *expression) primary() (int64, error) {
	switch e.tok {
	case preIncrement, preDecrement:
		return e.before()
	case '(' << 8:
		return e.parentheses()
	case number:
		v := e.num
		return v, e.next()
	case variable:
		return e.after()
	}
	return 0, e.fault("syntax error: operand expected")
}

// before is ++x.
func (e *expression) before() (int64, error) {
	by := int64(1)
	if e.tok == preDecrement {
		by = -1
	}
	e.last = e.tok
	if err := e.next(); err != nil {
		return 0, err
	}
	if e.tok != variable {
		return 0, e.fault("identifier expected after pre-increment or pre-decrement")
	}
	v := e.num + by
	if err := e.set(e.name, v); err != nil {
		return 0, err
	}
	e.tok = number
	return v, e.next()
}

// after is x, or x++.
func (e *expression) after() (int64, error) {
	v, to := e.num, e.name
	ahead := *e
	ahead.quiet = 1
	if err := ahead.next(); err != nil {
		return 0, err
	}
	if ahead.tok != postIncrement && ahead.tok != postDecrement {
		return v, e.next()
	}
	by := int64(1)
	if ahead.tok == postDecrement {
		by = -1
	}
	if err := e.set(to, v+by); err != nil {
		return 0, err
	}
	e.at, e.tok = ahead.at, number
	return v, e.next()
}

func (e *expression) parentheses() (int64, error) {
	if err := e.deeper(); err != nil {
		return 0, err
	}
	defer func() { e.depth-- }()
	if err := e.next(); err != nil {
		return 0, err
	}
	v, err := e.comma()
	if err != nil {
		return 0, err
	}
	if e.tok != ')'<<8 {
		return 0, e.fault("missing `)'")
	}
	return v, e.next()
}
