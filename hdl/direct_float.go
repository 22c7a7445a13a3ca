package hdl

func directFloat(t *truth, bound float64) []*structure { return nil }
