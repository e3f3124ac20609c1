# curl: one request, a string in, a text out, a bare model name.
curl --silent --show-error "${OPENAI_BASE_URL:-http://localhost:8080/v1}/responses" \
  --header "Authorization: Bearer $OPENAI_API_KEY" \
  --header "Content-Type: application/json" \
  --data '{"model": "gpt-5-mini", "input": "Reply with exactly ok."}'
