package ca

// OnFault sets what is called at each point of a step between its durable parts.
func (s *Set) OnFault(f func(point string)) { s.fault = f }

// ParseManifest is parseManifest.
var ParseManifest = parseManifest
