"""What a user would write first: read_sql, to_datetime, a Great Expectations suite, drop_duplicates, groupby.

python benchmarks/pandas_gx_script.py one_stop.sqlite
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
import sqlalchemy as sa

COLUMNS = {
    "MaHoSo": "dossier_code", "MaTTHC": "procedure_code", "TenTTHC": "procedure_name",
    "MaLinhVuc": "sector_code", "KenhThucHien": "channel", "MucDo": "service_level",
    "NoiNopHoSo": "unit", "DonViXuLy": "processing_unit", "TrangThaiHoSo": "status_code",
    "ThoiDiemXuLy": "recorded_at", "ThoiGianDongBo": "synced_at", "NgayTiepNhan": "received_at",
    "NgayHenTra": "due_at", "NgayKetThucXuLy": "finished_at", "NgayTra": "returned_at",
}  # fmt: skip
STAMPS = ["received_at", "due_at", "finished_at", "returned_at"]
CUTOFF = pd.Timestamp("2025-08-06 16:00:00")


def main(database: str) -> None:
    engine = sa.create_engine(f"sqlite:///{database}")
    listed = ", ".join(f'"{raw}" as {name}' for raw, name in COLUMNS.items())
    query = f"select {listed} from ho_so_trang_thai where \"ThoiGianDongBo\" < '2025-08-07'"
    log = pd.read_sql(sa.text(query), engine)
    log["procedure_name"] = log["procedure_name"].str.normalize("NFC").str.strip()
    for name in STAMPS:
        raw = log[name]
        log[name] = pd.to_datetime(raw, format="%Y%m%d%H%M%S", errors="coerce")
        log[f"{name}_bad"] = raw.where(raw.notna() & log[name].isna())
    for name in ("recorded_at", "synced_at"):
        log[name] = pd.to_datetime(log[name], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    log["status_code"] = pd.to_numeric(log["status_code"], errors="coerce")
    log["synced_limit"] = log["synced_at"] + pd.Timedelta(days=1)
    log["recorded_limit"] = log["recorded_at"] + pd.Timedelta(days=1)
    log["key"] = range(len(log))

    missing = "either_value_is_missing"
    suite = gx.ExpectationSuite(
        name="dossiers",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="dossier_code"),
            gxe.ExpectColumnValuesToNotBeNull(column="recorded_at"),
            gxe.ExpectColumnValuesToNotBeNull(column="unit"),
            gxe.ExpectColumnValuesToBeInSet(column="status_code", value_set=list(range(1, 11))),
            gxe.ExpectColumnValuesToBeInSet(column="channel", value_set=["1", "2", "3"]),
            gxe.ExpectColumnValuesToBeInSet(column="service_level", value_set=["2", "3", "4"]),
            *(gxe.ExpectColumnValuesToBeNull(column=f"{name}_bad") for name in STAMPS),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="synced_limit", column_B="recorded_at", or_equal=True, ignore_row_if=missing),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="recorded_limit", column_B="received_at", or_equal=True, ignore_row_if=missing),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="finished_at", column_B="received_at", or_equal=True, ignore_row_if=missing),
            gxe.ExpectColumnValuesToNotMatchRegex(column="procedure_name", regex=r"\b\d{12}\b|\b0[35789]\d{8}\b"),
            gxe.ExpectColumnValuesToNotMatchRegex(column="procedure_name", regex="á»|áº"),
        ],
    )  # fmt: skip
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": log})
    outcome = batch.validate(
        suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["key"]}
    )
    rejected = {
        entry["key"]
        for result in outcome.results
        for entry in result.to_json_dict()["result"].get("unexpected_index_list") or []
    }
    kept = log[~log["key"].isin(rejected)].copy()
    kept["channel"] = (
        kept["channel"].map({"1": "in_person", "2": "online", "3": "postal"}).fillna("in_person")
    )
    kept = kept.sort_values("synced_at").drop_duplicates(
        ["dossier_code", "recorded_at", "status_code"], keep="last"
    )
    seen = kept[kept["recorded_at"] <= CUTOFF].sort_values(["dossier_code", "recorded_at", "status_code"])
    last = seen.groupby("dossier_code").last()
    counted = last[(last["received_at"] >= "2025-07-01") & (last["received_at"] <= CUTOFF)]
    by_channel = counted.groupby(
        [counted["received_at"].dt.date, "unit", "sector_code", "service_level", "channel"]
    ).size()
    rate = (
        counted.assign(online=counted["channel"].eq("online"))
        .groupby("unit")["online"]
        .agg(["size", "sum", "mean"])
    )
    with tempfile.TemporaryDirectory() as folder:
        by_channel.rename("n").reset_index().to_parquet(f"{folder}/by_channel.parquet")
        rate.to_parquet(f"{folder}/rate.parquet")
        last.to_parquet(f"{folder}/register.parquet")
        log[log["key"].isin(rejected)].to_parquet(f"{folder}/rejected.parquet")
    print(
        json.dumps(
            {
                "received": len(counted),
                "online": int((counted["channel"] == "online").sum()),
                "returned": int((counted["status_code"] == 10).sum()),
                "rejected": len(rejected),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
