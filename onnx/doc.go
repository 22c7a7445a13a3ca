// Package onnx reads trained models in the ONNX format, swaps their activation
// functions, runs and trains them in this module's engine, and writes models that
// every ONNX runtime runs.
//
//	m, err := onnx.Read("model.onnx")
//	...
//	err = m.Write("swapped.onnx")
//
// A [Model] is the file as it is: what this package does not change, it writes
// as it was read, fields that it does not know included.
//
// # Reading
//
// Read and Decode validate what they read: names are defined once and before their
// use, tensors have the data that their shapes want, there are no cycles. An error
// names the node or tensor. Whatever the file holds, memory stays in proportion to
// its size. Opset versions from 13 on are read, and down to 7 where the operators
// mean the same.
//
// # Exporting
//
// Export makes a model of a network of package nn: the command "isrlu onnx export"
// does so with checkpoints.
//
// # External data
//
// Tensors that a model keeps in other files beside it, as models over 2 GiB must,
// stay there until they are wanted. They are found in the folder of the model
// alone: a path that leads out of it is an error.
//
// # Swapping
//
// [Model.Swap] recognizes activation functions, those that exporters write in
// several operators too, and puts others in their place:
//
//	report, err := m.Swap(onnx.SwapOptions{From: []string{"gelu"}, To: "isrlu:3"})
//
// [Model.Info] lists what there is to swap. ISRLU and its kin, which ONNX has no
// operator for, are written in its own ones by default, such that every runtime
// computes them without overflow for any argument.
//
// # Loading
//
// [Load] makes a model of package nn of a graph: of convolutional, dense and recurrent
// layers, poolings, normalizations, and branches that nest. Recurrent nodes that Swap
// or Export has made Scans are the layers that they were. What the engine does not have
// is named node by node. [Loaded.FromONNX] and [Loaded.ToONNX] translate samples
// between ONNX's order, channels first, and the engine's, channels last; what a
// training makes of the weights, [Loaded.Store] writes back.
package onnx
