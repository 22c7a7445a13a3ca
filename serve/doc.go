// Package serve answers requests over HTTP with the outputs of models: of package nn,
// and of ONNX models that package onnx has loaded.
//
//	server, err := serve.New(serve.Options{}, serve.FromNetwork("digits", model))
//	...
//	listener, err := serve.Listen("127.0.0.1:8080", false)
//	...
//	err = server.Serve(ctx, listener) // until ctx ends
//
// It speaks the Open Inference Protocol, also called KServe v2, with tensors in JSON or
// in binary, and has an endpoint /predict for people. Requests that wait are joined into
// batches; every answer has the bits that the model gives for its input alone.
//
// What all requests hold, as bodies, numbers and answers, is counted before it is made, and
// stays within [Options.MaxMemory]. The process takes more: buffers of connections, and what
// the garbage collector has not found yet. Package nn must be built for the batch that
// is wanted; it knows nothing of this package.
package serve
