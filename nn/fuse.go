package nn

// placed is a layer of a sequence where it is built.
type placed struct {
	layer Layer
	index int // in the description
	info  int // that of the model's layers, or -1
}

// arrange returns the layers in the order in which they run: the maximum of a
// function that never falls is the function of the maximum, which takes a part of
// the work.
func (b *builder[T]) arrange(layers Sequential) []placed {
	var list []placed
	for i, l := range layers {
		if l != nil {
			l = plain(l)
		}
		list = append(list, placed{l, i, -1})
	}
	for i := 1; i < len(list); i++ {
		_, pool := list[i].layer.(MaxPool)
		act, ok := list[i-1].layer.(Activation)
		if !pool || !ok {
			continue
		}
		// An error of the function is reported where it is built.
		if c, err := b.resolve(act); err == nil && c.monotone() {
			list[i-1], list[i] = list[i], list[i-1]
		}
	}
	return list
}

// A followerError is about a layer that runs in the epilogue of another one, and
// names it.
type followerError struct{ error }

func (e *followerError) Unwrap() error { return e.error }

// fuse returns how many layers of the list run as one operation, and how many would
// without Options.Unfused. It keeps those after the first for the epilogue.
func (b *builder[T]) fuse(list []placed) (n, fused int) {
	b.pooled, b.next = nil, nil
	if !fusable(list[0].layer) {
		return 1, 1
	}
	n = 1
	switch list[0].layer.(type) {
	case Conv2D, DepthwiseConv2D:
		if n == len(list) {
			break
		}
		if l, ok := list[n].layer.(MaxPool); ok && l.Padding == (Padding{}) {
			b.pooled = &list[n]
			n++
		}
	}
	if n < len(list) {
		if _, ok := list[n].layer.(Activation); ok {
			b.next = &list[n]
			n++
		}
	}
	if b.m.options.Unfused {
		b.pooled, b.next = nil, nil
		return 1, n
	}
	return n, n
}

// fusable tells whether an activation that follows runs in the layer's epilogue.
func fusable(l Layer) bool {
	switch l.(type) {
	case Conv2D, DepthwiseConv2D, Dense, MaxPool, AvgPool, BatchNorm, Residual, Product:
		return true
	}
	return false
}

// fusedPool makes the max-pooling in the epilogue of a convolution with the output
// y, if there is one, and returns it with the shape that is left.
func (b *builder[T]) fusedPool(y Shape) (*maxima, Shape, error) {
	if b.pooled == nil {
		return nil, y, nil
	}
	p := *b.pooled
	b.pooled = nil
	pool, _, out, err := b.maxPool(p.layer.(MaxPool), y)
	if err != nil {
		return nil, nil, &followerError{b.wrap(&p, err)}
	}
	b.m.layers[p.info].Fused, b.m.layers[p.info].Output = true, out
	return pool, out, nil
}

// epilogue makes the activation that follows a layer with the output y, if one
// is to be fused, and returns it with what the layer writes: y itself, or a
// buffer for what goes into the function where its gradient needs that.
func (b *builder[T]) epilogue(y *value[T]) (act *activation[T], pre *value[T], err error) {
	if b.next == nil {
		return nil, y, nil
	}
	next := *b.next
	b.next = nil
	b.m.layers[next.info].Fused, b.m.layers[next.info].Output = true, y.shape
	if act, err = b.activation(next.info, next.layer.(Activation), y); err != nil {
		return nil, nil, &followerError{b.wrap(&next, err)}
	}
	pre = y
	if !act.fromOutput {
		pre = b.value(y.shape)
		pre.keptByAct = true
	}
	return act, pre, nil
}
