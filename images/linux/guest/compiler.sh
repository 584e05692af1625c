# SPDX-License-Identifier: Apache-2.0
# gcc compiles programs that are the same in all guests, but for the last one: in the midst of that it is stopped.
cd /work || exit
# PROGRAM FUNCTIONS: a C program with a main and so many functions besides.
write_program() {
  mawk -v functions="$2" -v name="$1" 'BEGIN {
    print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>"
    for (f = 0; f < functions; ++f) {
      printf "struct s_%s_%d { int a[%d]; double b; char text[%d]; };\n", name, f, f % 17 + 1, f % 31 + 1
      printf "static int f_%s_%d(struct s_%s_%d *s, int n) {\n", name, f, name, f
      printf "  for (int i = 0; i < n; ++i) { s->a[i %% %d] += i * %d; if (s->a[0] %% 3 == 1) s->b += sqrt(i + %d); }\n", f % 17 + 1, f + 3, f
      printf "  snprintf(s->text, sizeof s->text, \"%%d\", n);\n  return s->a[0] + (int)strlen(s->text);\n}\n"
    }
    print "int main(void) {\n  int sum = 0;"
    for (f = 0; f < functions; ++f) printf "  { struct s_%s_%d s = {0}; sum += f_%s_%d(&s, %d); }\n", name, f, name, f, f
    print "  printf(\"%d\\n\", sum);\n  return 0;\n}"
  }' >"$1.c"
}

for program in one two three; do
  write_program "$program" 60
  gcc -O2 -g -o "$program" "$program.c" -lm
  "./$program" >/dev/null
done

own="$(echo "$GUEST" | tr -c 'a-z0-9\n' _)"
write_program "$own" 400
gcc -O2 -g -S -o /dev/null "$own.c" &
for _ in $(seq 100); do
  cc1="$(pgrep cc1 || true)"
  if [ -n "$cc1" ] && [ "$(mawk '/VmRSS/ { print $2 }' "/proc/$cc1/status" 2>/dev/null || echo 0)" -gt 40000 ]; then break; fi
  sleep 0.2
done
pkill -STOP cc1
echo "compiler: $(find . -type f | wc -l) files; the last one is being compiled"
grep VmRSS "/proc/$(pgrep cc1)/status"
