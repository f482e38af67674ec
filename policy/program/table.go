package program

// table has one entry a program. It is never written to.
var table = map[string]Program{}
