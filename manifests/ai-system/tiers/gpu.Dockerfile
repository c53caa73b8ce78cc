# The GPU tier: as the CPU tier, with PyTorch. Its wheels bring the CUDA libraries they need.
ARG BASE_IMAGE=nvidia/cuda:12.1.1-runtime-ubuntu22.04
FROM ${BASE_IMAGE}

ARG PIP_NO_INDEX=
ARG PIP_FIND_LINKS=
ENV PIP_NO_INDEX=${PIP_NO_INDEX} PIP_FIND_LINKS=${PIP_FIND_LINKS} \
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1

COPY tiers/install-python tiers/install-requirements /usr/local/lib/tier/
RUN sh /usr/local/lib/tier/install-python
COPY requirements.common.txt tiers/requirements.gpu.txt /app/
RUN --mount=type=cache,target=/root/.cache/pip sh /usr/local/lib/tier/install-requirements /app/requirements.common.txt
RUN --mount=type=cache,target=/root/.cache/pip sh /usr/local/lib/tier/install-requirements /app/requirements.gpu.txt
