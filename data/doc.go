// Package data provides sets of labelled images to train and test networks on.
//
// [Load] returns a [Set] by name:
//
//	digits          ten digits drawn from the Go fonts, distorted at random
//	mnist           handwritten digits (LeCun, Cortes and Burges, 1998)
//	fashion-mnist   articles of clothing (Xiao, Rasul and Vollgraf, 2017)
//
// Digits needs no files: it is computed, and the same seed gives the same
// bytes on every machine. The other two are read from their four IDX files,
//
//	train-images-idx3-ubyte  train-labels-idx1-ubyte
//	t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte
//
// plain or with .gz, in the folder that [Options] or the environment variable
// ISRLU_DATA_DIR names, or in its subfolder of the set's name. Where none is
// named they are downloaded once into isrlu/ in the user's cache
// ([os.UserCacheDir]), from public mirrors, with their SHA-256 checked.
//
// [ReadImages] reads any other set in the IDX format.
//
// The package knows nothing of networks. [Images.Fill] gathers a batch, and
// [Permutation] orders the images of an epoch.
package data
