package circuit

// Pipeline returns what a number of register ranks make of the circuit: the bits that
// they keep, without those of a handshake, and the delay of the longest stage.
func (c *Circuit) Pipeline(stages int) (registerBits, delay int) {
	p := c.lower().schedule(stages)
	for _, d := range p.delays() {
		delay = max(delay, d)
	}
	return p.registerBits(), delay
}
