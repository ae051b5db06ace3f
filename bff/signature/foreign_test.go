package signature_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lendgate/lendgate/bff/signature"
)

// signers is where the signers of other languages are.
const signers = "../../mobile-contracts/signers"

// TestForeignSigners signs the vectors by the signers of other languages that this
// machine can run. Bases and fields must be equal byte for byte, and signatures too
// where the algorithm is deterministic; the others must verify.
func TestForeignSigners(t *testing.T) {
	t.Parallel()
	t.Run("python", func(t *testing.T) {
		t.Parallel()
		if _, err := exec.LookPath("python3"); err != nil {
			t.Skip("skipped: python3 is not installed")
		}
		algorithms := []string{signature.HMACSHA256}
		if exec.CommandContext(t.Context(), "python3", "-c", "import cryptography").Run() == nil {
			algorithms = append(algorithms, signature.Ed25519, signature.ECDSAP256SHA256)
		} else {
			t.Log("skipped but for HMAC: the package cryptography is not installed")
		}
		program := exec.CommandContext(t.Context(), "python3", "-B", "check.py")
		program.Dir = filepath.Join(signers, "python")
		checkSigner(t, program, algorithms)
	})
	t.Run("kotlin", func(t *testing.T) {
		t.Parallel()
		program := compileKotlin(t)
		checkSigner(t, program, []string{signature.HMACSHA256, signature.Ed25519, signature.ECDSAP256SHA256})
	})
}

// compileKotlin gives the compiled program. Compiling takes seconds of many threads, so
// it is done on demand only: make test-signers fetches the compiler and asks for it.
func compileKotlin(t *testing.T) *exec.Cmd {
	t.Helper()
	compiler := os.Getenv("LENDGATE_TEST_KOTLIN")
	if compiler == "" {
		t.Skip("skipped: LENDGATE_TEST_KOTLIN does not name the folder of a Kotlin compiler; make test-signers does")
	}
	if _, err := exec.LookPath("java"); err != nil {
		t.Skip("skipped: java is not installed")
	}
	classes := t.TempDir()
	sources, err := filepath.Glob(filepath.Join(signers, "kotlin", "*.kt"))
	if err != nil {
		t.Fatal(err)
	}
	libraries := filepath.Join(compiler, "*")
	arguments := append([]string{
		"-cp", libraries, "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
		"-no-stdlib", "-no-reflect", "-nowarn", "-jvm-target", "17", "-d", classes,
		"-classpath", findJar(t, compiler, "kotlin-stdlib-*.jar"),
	}, sources...)
	if out, err := exec.CommandContext(t.Context(), "java", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("kotlinc: %v\n%s", err, out)
	}
	classPath := classes + string(os.PathListSeparator) + libraries
	return exec.CommandContext(t.Context(), "java", "-cp", classPath, "com.lendgate.signer.CheckKt")
}

func findJar(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	return found[0]
}

// checkSigner gives the program every request of the vectors that one of the algorithms
// signs, a line each, and compares its answers. python/check.py tells the form of a line.
func checkSigner(t *testing.T, program *exec.Cmd, algorithms []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "mobile-contracts", "vectors", "signing.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	var questions bytes.Buffer
	for _, v := range file.Vectors {
		if v.Expect == nil || v.Input.Response != nil || !slices.Contains(algorithms, file.Keys[v.Input.Key].Alg) {
			continue
		}
		vectors = append(vectors, v)
		questions.WriteString(question(t, file.Keys[v.Input.Key], v.Input) + "\n")
	}
	program.Stdin = &questions
	var complaints bytes.Buffer
	program.Stderr = &complaints
	out, err := program.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	answers := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(answers) != len(vectors) || len(vectors) < 6 {
		t.Fatalf("%d answers to %d vectors", len(answers), len(vectors))
	}
	keys := file.ring(t)
	for i, v := range vectors {
		checkAnswer(t, v, keys[v.Input.Key], strings.Split(strings.TrimRight(answers[i], "\r"), "\t"))
	}
	t.Logf("%d requests signed as the vectors say", len(vectors))
}

// question is the line that asks for one signature.
func question(t *testing.T, key vectorKey, in vectorInput) string {
	t.Helper()
	secret := key.SecretB64
	if key.JWK != nil {
		var err error
		if secret, err = base64.RawURLEncoding.DecodeString(key.JWK.D); err != nil {
			t.Fatal(err)
		}
	}
	encode := base64.StdEncoding.EncodeToString
	content := encode([]byte(in.Request.Body))
	if in.Request.Method == http.MethodGet {
		content = "-"
	}
	parts := []string{
		key.Alg, encode(secret), in.Key, strconv.FormatInt(in.Params.Created, 10), in.Params.Nonce, in.Request.Method,
		in.Request.Scheme + "://" + in.Request.Authority + in.Request.Target, content,
	}
	for _, field := range in.Request.Headers {
		parts = append(parts, field[0], encode([]byte(field[1])))
	}
	return strings.Join(parts, "\t")
}

func checkAnswer(t *testing.T, v vector, key signature.Key, answer []string) {
	t.Helper()
	if len(answer) != 4 {
		t.Fatalf("%s: the answer has %d parts", v.Name, len(answer))
	}
	base, err := base64.StdEncoding.DecodeString(answer[0])
	if err != nil {
		t.Fatal(err)
	}
	got := [][2]string{{"Signature", answer[3]}, {"Signature-Input", answer[2]}}
	if answer[1] != "-" {
		got = append([][2]string{{"Content-Digest", answer[1]}}, got...)
	}
	if !v.Expect.Exact {
		r := http.Request{Header: http.Header{"Signature": {answer[3]}}}
		if err := key.VerifyBase(base, signatureBytes(t, &r)); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		got[len(got)-2][1] = vectorField(v, "Signature") // one of many that hold
	}
	if diff := cmp.Diff(*v.Expect, vectorExpect{Base: string(base), Headers: got, Exact: v.Expect.Exact}); diff != "" {
		t.Errorf("%s (-vector +signer):\n%s", v.Name, diff)
	}
}

func vectorField(v vector, name string) string {
	for _, field := range v.Expect.Headers {
		if field[0] == name {
			return field[1]
		}
	}
	return ""
}
