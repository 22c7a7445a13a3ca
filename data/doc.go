// Package data provides sets of labelled images to train and test networks on.
//
// [Load] returns a [Set] by name:
//
//	digits          ten digits drawn from the Go fonts, distorted at random
//	mnist           handwritten digits (LeCun, Cortes and Burges, 1998)
//	fashion-mnist   articles of clothing (Xiao, Rasul and Vollgraf, 2017)
//
// Digits needs no files: it is computed, and the same seed gives the same
// bytes on every machine. The other two are read from IDX files in a folder,
// or downloaded once into the user's cache with their SHA-256 checked.
//
// [ReadImages] reads any other set in the IDX format.
//
// The package knows nothing of networks. [Images.Fill] gathers a batch, and
// [Permutation] orders the images of an epoch.
package data
