package agreement

// RenderPlain is Render without compression, so that a test can look for text.
func RenderPlain(d Document) ([]byte, error) { return render(d, false) }
