"""Amazon settlement, Flat File V2 (tab-separated): Seller Central → Reports → Payments → All Statements → Download Flat File V2.

One row for each amount, five to ten for an order. The first row of a settlement holds its dates, currency and `total-amount`, the money
that reaches the bank: the rows must add up to it, or the settlement is set aside whole. What an amount means stands in PLACES, by
transaction-type / amount-type / amount-description; an unknown one stops the load, and `place` in company.toml tells where it belongs.
`Quantity-purchased` repeats on the rows of an item and is taken from its price alone. Only `posted-date-time` is read: `posted-date` is
month first in one marketplace and day first in another. The rules for orders, refunds, overheads and payouts stand in amazon_money.py.

Names of types come from Amazon's list of attributes and from public programs that read such files; no merchant's own file was seen.
Names of the same thing changed over the years (`StorageRenewalBilling`, `FBA Long Term Storage Fee`); `… - Reversal` and `… - Correction`
belong where the name without it does. Flat File V1 ended in March 2026 and isn't read.
"""

from helpers.sources.adapter import Adapter, fields
from helpers.sources.amazon_money import BASIS, OPTIONS, SEES, TABLES, lookup, to_tables

PLACES = """
Order; Liquidations / ItemPrice / Principal = gross_amount
Order; Liquidations / ItemPrice / Shipping; ShippingCharge; GiftWrap; GiftWrapCharge; ExportCharge = shipping_income
Order / Promotion / Principal; Shipping; PromotionDiscount; ShippingDiscount; GiftWrap = discount_amount
Order; Liquidations / ItemFees / Commission; FixedClosingFee; VariableClosingFee; PerItemFee; DigitalServicesFee; Digital Services Fee = platform_fee
Order; Liquidations / ItemFees / ShippingChargeback; GiftwrapChargeback; ShippingHB; SalesTaxCollectionFee; SalesTaxServiceFee = platform_fee
Order; Liquidations / ItemFees / TechnologyFee; LiquidationsBrokerageFee; RenewedProgramFee; CouponRedemptionFee = platform_fee
Order / ItemFees / FBAPerUnitFulfillmentFee; FBAPerOrderFulfillmentFee; FBAWeightBasedFee; FBAPickAndPackFee; FBAWeightHandlingFee = fulfilment_cost
Order / ShipmentFees / FBA transportation fee = fulfilment_cost
Fee Adjustment / Item Fee Adjustment / FBA Pick & Pack Fee = fulfilment_cost
AmazonFees; FBAFees / FBA fulfilment fee per unit; FBA fulfillment fee per unit / Base fee; Discount on fee = fulfilment_cost
other-transaction / other-transaction / Shipping label purchase; Amazon Easy Ship Charges = fulfilment_cost
Refund; Chargeback Refund; A-to-z Guarantee Refund; Liquidations Adjustments / ItemPrice / Principal; Shipping; ShippingCharge; GiftWrap; GiftWrapCharge = refund_amount
Refund; Chargeback Refund; A-to-z Guarantee Refund; Liquidations Adjustments / ItemPrice / Goodwill; RestockingFee; ReturnShipping; ExportCharge = refund_amount
Refund; Chargeback Refund; A-to-z Guarantee Refund / Promotion / Principal; Shipping; PromotionDiscount; ShippingDiscount; GiftWrap = refund_amount
Refund; Chargeback Refund; A-to-z Guarantee Refund / ItemFees / Commission; RefundCommission; FixedClosingFee; VariableClosingFee; PerItemFee = fee_refunded
Refund; Chargeback Refund; A-to-z Guarantee Refund / ItemFees / DigitalServicesFee; Digital Services Fee; ShippingChargeback; GiftwrapChargeback = fee_refunded
Refund; Chargeback Refund; A-to-z Guarantee Refund / ItemFees / ShippingHB; SalesTaxCollectionFee; SalesTaxServiceFee; TechnologyFee; RenewedProgramFee = fee_refunded
Liquidations Adjustments / ItemFees / LiquidationsBrokerageFee = fee_refunded
Refund; Chargeback Refund; A-to-z Guarantee Refund / ItemFees / FBAPerUnitFulfillmentFee; FBAPerOrderFulfillmentFee; FBAWeightBasedFee = handling_cost
other-transaction; TBYB Customer Return Fee / ItemFees / FBACustomerReturnPerUnitFee; FBACustomerReturnPerOrderFee; FBACustomerReturnWeightBasedFee = handling_cost
other-transaction / other-transaction / FBACustomerReturnPerUnitFee; Shipping label purchase for return = handling_cost
ServiceFee / Cost of Advertising; Refund for Advertiser / TransactionTotalAmount = marketing_spend: ads
AmazonFees / Deal Participation Fee; Deal Performance Based Fee / Base fee; Discount on fee = marketing_spend: event_fee
Lightning Deal Fee / LightningDealFee / LightningDealFee; LightningDealFee Special = marketing_spend: event_fee
AmazonFees / Coupon Participation Fee; Coupon Performance Based Fee; Vine Enrollment Fee / Base fee; Discount on fee = marketing_spend: other
CouponRedemptionFee / CouponRedemptionFee / * = marketing_spend: other
Vine Enrollment Fee / Vine Enrollment Fee / Vine Enrollment Fee = marketing_spend: other
SellerReviewEnrollmentPayment / Review Enrollment Fee / Early Reviewer Program fee = marketing_spend: other
FBAFees / FBA Inventory Storage Fee; FBA Long Term Storage Fee; FBA Long-Term Storage Fee; AWD Storage Fee / Base fee; Discount on fee = overheads: FBA storage
other-transaction / other-transaction / Storage Fee; StorageRenewalBilling; Inventory Storage Overage Fee = overheads: FBA storage
other-transaction / Amazon Warehousing & Distribution (AWD) / AWD Storage Fee = overheads: FBA storage
other-transaction / FBA Inventory Reimbursement / * = overheads: FBA storage
FBAFees / FBA Inbound Placement Service Fee; FBA Amazon-Partnered Carrier Shipment Fee; Inbound Transportation Program Fee; Inbound Defect Fee / Base fee; Discount on fee = overheads: FBA inbound
FBAFees / AWD Transportation Fee; AWD Processing Fee / Base fee; Discount on fee = overheads: FBA inbound
other-transaction / other-transaction / FBA Inbound Placement Service Fee; Inventory Placement Service Fee; FBAInboundTransportationFee = overheads: FBA inbound
other-transaction / other-transaction / Inbound Transportation Fee; FBAInboundTransportationProgramFee; WarehousePrep; Manual Processing Fee = overheads: FBA inbound
other-transaction / other-transaction / FBA International Freight Shipping Charge; Unplanned Service Fee - Barcode label missing = overheads: FBA inbound
other-transaction / Amazon Warehousing & Distribution (AWD) / AWD Transportation Fee; AWD Processing Fee = overheads: FBA inbound
other-transaction / Manual Processing Fee Reimbursement / Manual Processing Fee Reimbursement = overheads: FBA inbound
FBAFees / FBA Removal Order: Disposal Fee; FBA Removal Order: Return Fee / Base fee; Discount on fee = overheads: FBA removal
other-transaction / other-transaction / DisposalComplete; RemovalComplete = overheads: FBA removal
Grade and Resell Fees / Grade and Resell Charge / * = overheads: FBA removal
other-transaction / other-transaction / Subscription Fee; SubscriptionFeeCorrection; NonSubscriptionFeeAdj; Paid Services Fee; HighVolumeListing = overheads: Amazon account
other-transaction / other-transaction / CommissionCorrection; Fee Adjustment; Adjustment; MiscAdjustment; Micro Deposit = overheads: Amazon account
other-transaction / other-transaction / A2ZGuaranteeRecovery; ChargeBackRecovery; BuyerRecharge; SAFE-T Reimbursement = overheads: Amazon account
AmazonFees / Eco-contribution for EPR Pay on Behalf*; Amazon service fee for EPR Pay on Behalf* / Base fee = overheads: Amazon account
Order; Refund; Chargeback Refund; A-to-z Guarantee Refund; Liquidations; Liquidations Adjustments; Order_Retrocharge; Refund_Retrocharge / ItemPrice / Tax; ShippingTax; GiftWrapTax = elsewhere: taxes
Order; Refund; Chargeback Refund; A-to-z Guarantee Refund / Promotion / TaxDiscount; ShippingTaxDiscount = elsewhere: taxes
Order; Refund; Chargeback Refund; A-to-z Guarantee Refund; Liquidations; Liquidations Adjustments; Order_Retrocharge; Refund_Retrocharge / ItemWithheldTax / * = elsewhere: taxes
FBAFees; AmazonFees / * / Tax on fee = elsewhere: taxes
other-transaction / other-transaction / StorageBillingCGST; StorageBillingSGST; StorageRenewalBillingCGST; StorageRenewalBillingSGST = elsewhere: taxes
other-transaction / other-transaction / RemovalCompleteCGST; RemovalCompleteSGST; FBA International Freight Duties and Taxes Charge = elsewhere: taxes
Income Tax Charged / other-transaction / MiscAdjustment = elsewhere: taxes
Tax / Tax Withheld / * = elsewhere: taxes
other-transaction / other-transaction / Current Reserve Amount; Previous Reserve Amount Balance; Payable to Amazon; Successful charge = elsewhere: reserves and balances
other-transaction / other-transaction / Transfer of funds unsuccessful* = elsewhere: reserves and balances
Debt Adjustment / Debt Adjustment / * = elsewhere: reserves and balances
Transfers / Micro Deposit / Micro Deposit = elsewhere: reserves and balances
Order / DirectPayment / * = elsewhere: paid to the seller directly
Transfer / * = elsewhere: transfers to the bank
"""
"""Transaction-type / amount-type / amount-description = place, as amazon_money.places reads it."""

FIELDS = fields(
    "settlement id! | settlement-id",
    "deposited day! | deposit-date",
    "total_amount amount! | total-amount",
    "currency text! | currency",
    "transaction_type text! | transaction-type",
    "order_id id! | order-id",
    "adjustment_id id | adjustment-id",
    "amount_type text! | amount-type",
    "amount_description text! | amount-description",
    "amount amount! | amount",
    "posted time! | posted-date-time",
    "sku id! | sku",
    "quantity integer! | quantity-purchased",
)

SQL = f"""
-- The first row of a settlement is the one without an amount.
create or replace temp table settlements as
select settlement, coalesce(max(currency), $currency, $home) as currency, max(deposited) as paid_on, max(total_amount) as total,
       min(raw_id) filter (where transaction_type is null and amount is null) as first_id,
       coalesce(sum(amount) filter (where coalesce(transaction_type, '') not ilike 'transfer'), 0) as added
from rows group by settlement;

insert into skipped
select raw_id, 'settlement', null, 'no settlement-id' from rows where settlement is null
union all
select raw_id, 'total_amount', cast(total as varchar),
       case when total is null or first_id is null then 'a settlement without its first row, which holds total-amount and deposit-date: export it again'
            when total <> added then 'rows that add up to ' || added || ' in a settlement of ' || total || ': export it again, whole'
            when transaction_type is null then 'repeats the first row of its settlement' else 'no amount' end
from rows r join settlements s using (settlement)
where total is null or first_id is null or total <> added or (amount is null and raw_id <> first_id);

create or replace temp table details as select * from rows where amount is not null and raw_id not in (select raw_id from skipped);

create or replace temp table kinds as
select transaction_type, amount_type, amount_description, concat(transaction_type, '/', amount_type, '/', amount_description) as name,
       regexp_replace(lower(concat(transaction_type, '/', amount_type, '/', amount_description)), ' - (reversal|correction)', '') as key,
       count(*) as n, sum(amount) as amount, min(s.currency) as currency
from details join settlements s using (settlement) group by transaction_type, amount_type, amount_description;
{lookup("amazon_settlement", PLACES)}
create or replace temp table parts as
select d.raw_id, d.settlement, d.order_id, d.sku, d.posted, s.paid_on, cast(null as varchar) as region, s.currency, d.amount, p.place,
       case when lower(d.amount_type || d.amount_description) = 'itempriceprincipal' then quantity end as quantity, lower(d.amount_type) in ('itemprice', 'promotion') as price
from details d join settlements s using (settlement)
join kinds k on d.transaction_type is not distinct from k.transaction_type and d.amount_type is not distinct from k.amount_type and d.amount_description is not distinct from k.amount_description
join kind_places p using (key);

create or replace temp table deposits as
select first_id as raw_id, settlement, paid_on, currency, total as amount from settlements where total = added and first_id is not null and settlement is not null;
{to_tables("amazon_settlement", "amazon_date_range")}
"""

ADAPTERS = (
    Adapter(
        name="amazon_settlement",
        meaning="Amazon settlements, Flat File V2",
        fields=FIELDS,
        tables=TABLES,
        basis=BASIS,
        sql=SQL,
        total="case when transaction_type is null and amount is null then total_amount end",
        total_says="total-amount of all settlements: what reached the bank",
        total_currency="currency",
        options=OPTIONS,
        document=("settlement",),
        grows=("count(*)",),
        sees=SEES,
        literal_quotes=True,
    ),
)
