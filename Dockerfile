# One image for the API, the workers and the migration; docker-compose.yml says which one a container is.
# Not run where this project is made (there is no Docker engine); tests/test_compose.py holds it against the code.
FROM python:3.12-slim

ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

COPY requirements/service.txt requirements/service.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/service.txt

# .dockerignore lists what is let in
COPY . .

# the user that runs it may write its documents and nothing else
RUN useradd --system --uid 10001 --no-create-home share-to-sign \
    && install -d -o share-to-sign -m 700 /var/lib/share-to-sign/documents
USER share-to-sign

EXPOSE 8000
CMD ["python", "-m", "api"]
