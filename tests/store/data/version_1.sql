BEGIN TRANSACTION;
CREATE TABLE epoch (
	trial_id VARCHAR(80) NOT NULL, 
	epoch INTEGER NOT NULL, 
	train_loss DOUBLE, 
	train_accuracy DOUBLE, 
	validation_loss DOUBLE, 
	validation_accuracy DOUBLE, 
	test_loss DOUBLE, 
	test_accuracy DOUBLE, 
	lr DOUBLE, 
	seconds DOUBLE, 
	PRIMARY KEY (trial_id, epoch), 
	FOREIGN KEY(trial_id) REFERENCES trial (id) ON DELETE CASCADE
);
INSERT INTO "epoch" VALUES('160610b2315ec853',1,8.16435009516029763787e-01,2.93333333333333334813e-01,9.27767056268215539738e-01,2.66666666666666662965e-01,9.25770454037010637193e-01,2.66666666666666662965e-01,0.001,0.5);
INSERT INTO "epoch" VALUES('160610b2315ec853',2,6.30881598262386544817e-01,5.86666666666666669627e-01,7.42213645014572542812e-01,5.33333333333333325931e-01,7.40616363229608554163e-01,5.33333333333333325931e-01,0.001,0.5);
INSERT INTO "epoch" VALUES('160610b2315ec853',3,4.45328187008743492381e-01,8.80000000000000115463e-01,5.56660233760929323842e-01,0.8,5.55462272422206360111e-01,0.8,0.001,0.5);
INSERT INTO "epoch" VALUES('a968c499780b801b',1,1.23412215602885799725e+00,1.83333333333333348136e-01,1.40241154094188402723e+00,1.66666666666666657414e-01,1.45901454699460098041e+00,1.66666666666666657414e-01,0.001,0.5);
INSERT INTO "epoch" VALUES('a968c499780b801b',2,9.53639847840481058582e-01,3.66666666666666696272e-01,1.1219292327535073106e+00,3.33333333333333314829e-01,1.16721163759568091755e+00,3.33333333333333314829e-01,0.001,0.5);
INSERT INTO "epoch" VALUES('a968c499780b801b',3,6.73157539652104341953e-01,0.55,8.41446924565130371931e-01,0.5,8.75408728196760521633e-01,0.5,0.001,0.5);
CREATE TABLE example_set (
	id VARCHAR(64) NOT NULL, 
	ids BLOB NOT NULL, 
	y BLOB NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "example_set" VALUES('cbb6ec3c91423c3cf74d4c79c77da1440b65aafd7db9e215e17d0c2b1ec0ad9e',X'789C55CE210E80301404D1AB90AF69D22D14E8591A04128320DC3F7564473E35D3E37BAFFB4939E598A71F7214C7E2581DD5B13976C7E1688872010FC28470216C081FC2887022ACA8C53900D9B446D1',X'00000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000');
INSERT INTO "example_set" VALUES('e47fa851e781cc375961108dcc155f9e548197ec5be5a98c1140eef002dfcaa1',X'789C55D03B0E80301003D1ABA0D4448A6DBE6741949C80DC5F544893CEDDBCDDABF4E7EDB5D556E6E9DFC23676B017EC157BC3DEB10FEC93AD21CCB29816DB625CAC8B79B12F02448129F0703B05A6C014980253600A4C81290805A120C3FB290805A1201484825090B3DC1F0014808D',X'0000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000');
INSERT INTO "example_set" VALUES('3e174d06adc7fd6e1e0b303a8d4dc223ca6bd47efc981cd9a260083699a02444',X'789C55CE2B0E80301405D1AD90A769C2507E5D0BA9A8C42008FB4F5D73AF3C6AE68EFF6BCF9B484BCCD3008A5591159B62571C8A5371298A457DC11EB009EC02DBC03EB011EC045BA144EDE45946E5',X'00000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000001000000000000000000000000000000010000000000000000000000000000000100000000000000');
CREATE TABLE meta (
	schema_version INTEGER NOT NULL
);
INSERT INTO "meta" VALUES(1);
CREATE TABLE prediction (
	trial_id VARCHAR(80) NOT NULL, 
	part VARCHAR(10) NOT NULL, 
	example_set_id VARCHAR(64) NOT NULL, 
	n_classes INTEGER NOT NULL, 
	logits BLOB NOT NULL, 
	crc32 BIGINT NOT NULL, 
	PRIMARY KEY (trial_id, part), 
	FOREIGN KEY(trial_id) REFERENCES trial (id) ON DELETE CASCADE, 
	FOREIGN KEY(example_set_id) REFERENCES example_set (id)
);
INSERT INTO "prediction" VALUES('160610b2315ec853','validation','cbb6ec3c91423c3cf74d4c79c77da1440b65aafd7db9e215e17d0c2b1ec0ad9e',2,X'3408D93E1D8C8E3EFADCF83E1271A53F680309402437113E26D4F53D282058BEEE88833F97A5863ED8688B3E4A4D833F22AC953F55C749BE6ADE623E8D30EF3F5473BD3F2E34573FA16325BF53888A3E68A2F33C45FF13BF82D3483F8E6819407A3BCF3D5A91FF3F0F0B8B3EE234893FCB4B353FE6300240BCB059BF4CA9AF3F2A560C3F1A3B873EB3DA00BEC4F2B43FAA732140C230593D61ECD33FEF4B323E',2566143359);
INSERT INTO "prediction" VALUES('160610b2315ec853','test','e47fa851e781cc375961108dcc155f9e548197ec5be5a98c1140eef002dfcaa1',2,X'B33DA33F7C4902BFF8161DBF3297363FB2530E40CFE8BA3D8D0EA0BDB055853FF90406407B405F3ED585BF3E15B6B23FE173EF3F7B0D18BF33EE6CBEB450973F8AFA6A3F83DF503E1909BABE0C843E3D3C891040309CBA3E6FB070BEF4DCA63F5FFF6F3EAEC29B3D1FD5CA3F259A633B72F023BF6943E63F914390BE1084EA3CBA35DD3FFD9E86BE628E94BD3BF6C53F3994103F8FEBEBBEF57F04BFEEBC853EB81DA8BEF1848CBF1DBC2EBEAEFA134072840340EC501E3FF79C13BE787A8D3C6E1E393FD1AB0B3FA29D243DAF438E3F3E1FEC3EA68C6B3F8E5E5C3D0078F43FD18B243F5AADCC3F3CECDCBE31F2BA3F1B12AB3EC03BEF3FDD7E533FD572BF3F0836DD3FB4A0C93C0E94883E18EB0A4046203A3F1B5B763E4A9D1E3F04B1BABEF6DC3A3F86843ABF4FF706BD84B17C3F220E32BEAF40E53F7723A03F11BBAA3D',2378088231);
INSERT INTO "prediction" VALUES('a968c499780b801b','validation','3e174d06adc7fd6e1e0b303a8d4dc223ca6bd47efc981cd9a260083699a02444',2,X'CDE5F13FC4963F40F56FA83E40F4FABD59234D3EC1FFC73F166674BF8C689B3F03E43E3A2C8BAD3F6B22D1BE9086673F6E55193FB492F83E57687E3F028392BE1C4C1C4096D52EBF9C9732BF6C02BA3F34CCDB3DBE27E23F63DF5DBF7D3FC73F9E2B1E40080F6D3F6ABACEBE3E15E93F40C6463F2DEF9E3E0E2A6C3F6AE63B3F11E05BBDE05CFC3FBDF3303F3E1CE73ECC02A5BF4EFC323F60818DBE1C7C0F40',4176828696);
INSERT INTO "prediction" VALUES('a968c499780b801b','test','e47fa851e781cc375961108dcc155f9e548197ec5be5a98c1140eef002dfcaa1',2,X'E66E09BFB80D903E6BCB8A3FBC1C3240CE1A323F10E0104040A24C3F960F2A40AE21BD3FB13200BF1156124074D9203D12191D40380594BF2589EB3FAE4EBBBD5E470B40B476553F15C086BFA926AF3E16D7ADBD9681E73E561DCA3F43E3CCBE34CEE33F95811BBEAA4BB33F7BC0AE3E48764C3FD3BA7DBE2075B33FD645783D9E70A83FCE06E83F3C9E763F1A3E08BFF260E63E145A0D3E6E793E3F5D49913F15AF893FEC7F993D9BB8EA3FFA241CBEE13F223F97BBCA3F1E40113E418E04BCFAD6B43F794EE53EE888203F994E843E67A0083F402FD03F6C17473B78A4E53F52D5D33FAA20643F81B24F3F007DFC3FB908053F8C798C3F3192013FF469F13FAF62813FD724E6BEDD654C3EF45AB43E61A0933F09704C3E0613303F103BEC3E2F2CDB3EE410993FD82C0F3FDB4996BF4D74923FBC370CBF0109074003D6123C',60927532);
CREATE TABLE study (
	id INTEGER NOT NULL, 
	content VARCHAR(64) NOT NULL, 
	spec TEXT NOT NULL, 
	created VARCHAR(40) NOT NULL, 
	command TEXT NOT NULL, 
	turn INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (content)
);
INSERT INTO "study" VALUES(1,'f9c38f11cee2c00b21a480454e545000fedd8d6c5c841760626f73baafb3307e','{"name":"activation","question":"Does ELU do better than ReLU?","baseline":{"data":{"source":"digits"},"model":{"name":"simple_cnn"},"train":{"epochs":3}},"factors":{"activation":{"path":"model.activation","levels":["relu","elu"]}},"seeds":[0,1,2]}','2026-11-24T18:20:54+00:00','paribus run study.yaml',1);
CREATE TABLE study_trial (
	study_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	trial_id VARCHAR(80) NOT NULL, 
	cell TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	PRIMARY KEY (study_id, position), 
	FOREIGN KEY(study_id) REFERENCES study (id) ON DELETE CASCADE
);
INSERT INTO "study_trial" VALUES(1,0,'160610b2315ec853','[["activation","relu"]]','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"relu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":0}');
INSERT INTO "study_trial" VALUES(1,1,'a968c499780b801b','[["activation","relu"]]','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"relu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":1}');
INSERT INTO "study_trial" VALUES(1,2,'929f97c0e3324c54','[["activation","relu"]]','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"relu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":2}');
INSERT INTO "study_trial" VALUES(1,3,'7794d2d4def6a52a','[["activation","elu"]]','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"elu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":0}');
INSERT INTO "study_trial" VALUES(1,4,'1acf14fbda8c7b5d','[["activation","elu"]]','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"elu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":1}');
INSERT INTO "study_trial" VALUES(1,5,'b7836de982304688','[["activation","elu"]]','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"elu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":2}');
CREATE TABLE trial (
	id VARCHAR(80) NOT NULL, 
	status VARCHAR(8) NOT NULL CHECK (status IN ('finished', 'failed')), 
	spec TEXT NOT NULL, 
	fingerprint VARCHAR(80) NOT NULL, 
	environment TEXT, 
	seconds DOUBLE, 
	added VARCHAR(40) NOT NULL, 
	data TEXT, 
	layers TEXT, 
	selected_epoch INTEGER, 
	stopped_early BOOLEAN, 
	checkpoint TEXT, 
	failure_kind TEXT, 
	failure_message TEXT, 
	failure_traceback TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "trial" VALUES('160610b2315ec853','finished','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"relu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":0}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','{"versions":{"python":"3.11.2","paribus":"0.1.0","torch":"2.13.0","numpy":"2.3.5"},"platform":"Linux-6.1-x86_64","cpu":"Example CPU @ 2.00GHz","device":"cpu","threads":1,"git_commit":null,"command":"paribus run study.yaml","started":"2025-11-22T22:00:00+00:00","kernels":""}',1.5,'2026-11-24T18:20:54+00:00','{"description":"made for a test","kind":"image","input_shape":[1,8,8],"class_names":["class 0","class 1"],"counts":{"validation":[10,10],"test":[20,20]},"sfreq_hz":null,"notes":["3 examples with NaN dropped"],"dropped":{},"audit":null}','[{"name":"conv","type":"Conv2d","output_shape":[4,8,8],"n_parameters":40,"n_trainable":0,"multiply_adds":0,"flops":0,"formula":"","inputs":null},{"name":"dense","type":"Linear","output_shape":[2],"n_parameters":514,"n_trainable":0,"multiply_adds":0,"flops":0,"formula":"","inputs":null}]',3,0,'checkpoints/160610b2315ec853.safetensors',NULL,NULL,NULL);
INSERT INTO "trial" VALUES('a968c499780b801b','finished','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"relu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":1}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','{"versions":{"python":"3.11.2","paribus":"0.1.0","torch":"2.13.0","numpy":"2.3.5"},"platform":"Linux-6.1-x86_64","cpu":"Example CPU @ 2.00GHz","device":"cpu","threads":1,"git_commit":null,"command":"paribus run study.yaml","started":"2025-11-22T22:00:00+00:00","kernels":""}',1.5,'2026-11-24T18:20:54+00:00','{"description":"made for a test","kind":"image","input_shape":[1,8,8],"class_names":["class 0","class 1"],"counts":{"validation":[10,10],"test":[20,20]},"sfreq_hz":null,"notes":["3 examples with NaN dropped"],"dropped":{},"audit":null}','[{"name":"conv","type":"Conv2d","output_shape":[4,8,8],"n_parameters":40,"n_trainable":0,"multiply_adds":0,"flops":0,"formula":"","inputs":null},{"name":"dense","type":"Linear","output_shape":[2],"n_parameters":514,"n_trainable":0,"multiply_adds":0,"flops":0,"formula":"","inputs":null}]',3,0,'checkpoints/a968c499780b801b.safetensors',NULL,NULL,NULL);
INSERT INTO "trial" VALUES('929f97c0e3324c54','failed','{"data":{"validation":0.2,"official_validation":true,"stratify":true,"split_by_group":false,"folds":null,"drop":[],"limit":null,"normalise":{"name":"train"},"non_finite":"refuse","source":"digits","test":0.2},"model":{"max_norm":null,"activation":"relu","negative_slope":0.01,"name":"simple_cnn","dropout":0.5},"train":{"epochs":3,"batch_size":64,"optimizer":{"name":"adam","lr":0.001,"weight_decay":0.0,"betas":[0.9,0.999]},"schedule":{"name":"constant"},"loss":{"label_smoothing":0.0,"class_weights":"none","beta":0.999,"flooding":null},"early_stop":null,"sampling":"shuffled","augmentation":[],"refit":"none","precision":"fp32"},"vary":["split","init","order","augmentation","dropout"],"selection":"best_validation","seed":2}','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','{"versions":{"python":"3.11.2","paribus":"0.1.0","torch":"2.13.0","numpy":"2.3.5"},"platform":"Linux-6.1-x86_64","cpu":"Example CPU @ 2.00GHz","device":"cpu","threads":1,"git_commit":null,"command":"paribus run study.yaml","started":"2025-11-22T22:00:00+00:00","kernels":""}',0.25,'2026-11-24T18:20:54+00:00',NULL,NULL,NULL,NULL,NULL,'NonFiniteLoss','the loss became nan in epoch 2, batch 1','Traceback (most recent call last):
NonFiniteLoss: the loss became nan in epoch 2, batch 1
');
COMMIT;
