package cases

// outcome is the verdict on one case of a file.
type outcome struct {
	// ID names the case as its file does.
	ID string
	// Err says how the answer differs from the expected one; nil means passed.
	Err error
	// Skipped marks a case that lendgate does not claim to answer. It is not
	// counted in the total and is listed apart.
	Skipped bool
}

// runner runs every case of one file. dir is the file's folder, for companion
// files; raw is its content. An error means that the file cannot be read as
// what its name says.
type runner func(dir string, raw []byte) ([]outcome, error)
