# The CPU tier: Python, a probe's busybox and the common requirements.
ARG BASE_IMAGE=python:3.10-slim-bullseye
FROM ${BASE_IMAGE}

# Where pip finds packages; empty means its default. Kept in the image, so services built on it install the same way.
ARG PIP_NO_INDEX=
ARG PIP_FIND_LINKS=
ENV PIP_NO_INDEX=${PIP_NO_INDEX} PIP_FIND_LINKS=${PIP_FIND_LINKS} \
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1

COPY tiers/install-python tiers/install-requirements /usr/local/lib/tier/
RUN sh /usr/local/lib/tier/install-python
COPY requirements.common.txt /app/
RUN --mount=type=cache,target=/root/.cache/pip sh /usr/local/lib/tier/install-requirements /app/requirements.common.txt
