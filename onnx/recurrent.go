package onnx

import "github.com/isrlu/isrlu/internal/onnxpb"

func (s *swapper) recurrent(g *graph, e *edit, types elementTypes, n *onnxpb.NodeProto) error {
	return nil
}
